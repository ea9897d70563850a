// The secret of a machine's owner: accepted for the policy of its node and the end of a pause, and for no other
// request.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OwnerSecret } from "../../../src/pki/tokens/owner-secret.js";
import type { Relay } from "../../../src/server/relay/relay-message.js";
import { TestNode } from "../../harness/tls/test-node.js";

const self = "a".repeat(32);
const other = "b".repeat(32);
let node: TestNode;
/** What was asked of other nodes. */
const relayed: unknown[] = [];

before(async () => {
  const relay: Relay = {
    isHere: (where) => typeof where === "object" && "node" in where && where.node === self,
    request: async (where, request) => {
      relayed.push({ where, request });
      return { status: 200, headers: {}, body: new Uint8Array() };
    },
  };
  node = await TestNode.start({ relay, node: { id: self, name: "desk" } });
  node.mesh.add({ id: other, name: "tower" });
});

after(() => node.stop());

async function statusOf(method: string, path: string, more: { token?: string; body?: string } = {}): Promise<number> {
  const { token = node.ownerSecret.text, body } = more;
  return (await node.ask(path, { method, token, ...(body === undefined ? {} : { body }) })).status;
}

test("the owner sees and sets the policy, and ends a pause, without a token", async () => {
  assert.equal(await statusOf("GET", "/v1/policy"), 200);
  assert.equal(await statusOf("HEAD", "/v1/policy"), 200);
  assert.equal(await statusOf("PUT", "/v1/policy", { body: '{"pausedUntil": "forever"}' }), 200);
  assert.equal(await statusOf("POST", "/v1/nodes/desk/resume"), 200);
  assert.equal(await statusOf("PUT", "/v1/policy", { body: '{"laptop": true}' }), 400);
});

test("the secret is good for nothing else", async () => {
  for (const [method, path] of [
    ...[["POST", "/v1/nodes/desk/drain"] as const, ["POST", "/v1/nodes/desk/revoke"] as const],
    ...["nodes", "mesh", "apps", "tokens", "logs", "events", "joins", "audit"].map(
      (name) => ["GET", `/v1/${name}`] as const,
    ),
    ...[["POST", "/v1/tokens"] as const, ["PUT", "/v1/apps/x"] as const, ["DELETE", "/v1/apps/x"] as const],
    ...[["POST", "/fn/x/f"] as const, ["GET", "/v1/apps/x"] as const],
  ]) {
    assert.equal(await statusOf(method, path), 401, `${method} ${path}`);
  }
  assert.deepEqual(relayed, []);
});

test("the secret goes to no other node, and one that relays it is not believed", async () => {
  assert.equal(await statusOf("POST", "/v1/nodes/tower/resume"), 403);
  assert.deepEqual(relayed, []);
  // An admin may.
  assert.equal(await statusOf("POST", "/v1/nodes/tower/resume", { token: node.admin }), 200);
  assert.equal(relayed.length, 1);
  const { status } = await node.api.handleRelayed(
    {
      method: "POST",
      target: "/v1/nodes/desk/resume",
      body: new Uint8Array(),
      headers: { authorization: `Bearer ${node.ownerSecret.text}` },
      remoteAddress: "127.0.0.1",
      baseUrl: "https://localhost:1",
    },
    { node: other, signal: new AbortController().signal },
  );
  assert.equal(status, 401);
});

test("nothing that is nearly the secret will do", async () => {
  const { text } = node.ownerSecret;
  const wrong = [text.slice(0, -1), `${text}A`, text.toLowerCase(), new OwnerSecret().text, "", "A".repeat(4_000)];
  for (const token of wrong) assert.equal(await statusOf("GET", "/v1/policy", { token }), 401, token.slice(0, 50));
  assert.equal((await node.ask("/v1/policy", { token: null })).status, 401);
  const basic = { authorization: `Basic ${text}` };
  assert.equal((await node.ask("/v1/policy", { token: null, headers: basic })).status, 401);
});

test("each run of a node has a secret of its own", () => {
  const texts = new Set(Array.from({ length: 100 }, () => new OwnerSecret().text));
  assert.equal(texts.size, 100);
  for (const text of texts) assert.match(text, /^[A-Za-z0-9_-]{43}$/);
});
