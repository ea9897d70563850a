// Answers for the console and dashboards: stats in events and apps, a node's details, a revision's source, the audit
// proof.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, test } from "node:test";
import { type AppSource, appSource, showApp } from "../../../src/api/apps.js";
import { audit, auditVerdict } from "../../../src/api/audit.js";
import { showNode } from "../../../src/api/nodes.js";
import { narrowed } from "../../../src/api/route.js";
import type { Where } from "../../../src/server/http/place.js";
import { TestNode } from "../../harness/tls/test-node.js";

let node: TestNode;
let elsewhere: Where[];

beforeEach(async () => {
  elsewhere = [];
  node = await TestNode.start({
    relay: {
      isHere: (where) => typeof where === "string" || ("node" in where && where.node === "0123"),
      request: async (where) => {
        elsewhere.push(where);
        return { status: 200, headers: { "content-type": "application/json" }, body: Buffer.from("{}") };
      },
    },
  });
  node.mesh.add({ id: "b1", name: "beta" });
  await node.deploy("shop", "one");
});

afterEach(() => node.stop());

async function nextEvent(stream: IncomingMessage, type: string): Promise<Record<string, unknown>> {
  let text = "";
  for (;;) {
    const [chunk] = (await once(stream, "data")) as [Buffer];
    text += chunk.toString();
    const found = new RegExp(`event: ${type}\ndata: (.*)\n\n`).exec(text);
    if (found !== null) return JSON.parse(found[1] ?? "") as Record<string, unknown>;
  }
}

async function call(name: string): Promise<void> {
  await node.ask(`/fn/shop/${name}`, { method: "POST" });
}

test("events carry stats only on request", async () => {
  await call("echo");
  await call("trap");
  const request = node.open("/v1/events?figures=true");
  request.end();
  const [stream] = (await once(request, "response")) as [IncomingMessage];
  const { mesh, apps, at } = await nextEvent(stream, "figures");
  assert.ok(!Number.isNaN(Date.parse(String(at))), String(at));
  const { node: name, peers } = mesh as { node: string; peers: { name: string; forwarded: number }[] };
  assert.deepEqual([name, peers.map((peer) => [peer.name, peer.forwarded])], ["test", [["beta", 0]]]);
  const { shop } = apps as { shop: { revision: string; functions: Record<string, { calls: number; errors: number }> } };
  assert.deepEqual(Object.keys(shop.functions), ["echo", "trap"]);
  assert.deepEqual([shop.functions.echo?.errors, shop.functions.trap?.errors], [0, 1]);
  await nextEvent(stream, "figures");
  stream.destroy();

  const quiet = node.open("/v1/events");
  quiet.end();
  const [silent] = (await once(quiet, "response")) as [IncomingMessage];
  const [first] = (await once(silent, "data")) as [Buffer];
  assert.equal(first.toString(), ": listening\n\n");
  silent.destroy();
});

test("an app's functions tell their last minute once they were called", async () => {
  await call("echo");
  const { functions } = (await node.call(showApp, { parameters: { app: "shop" } })).json;
  const stats = new Map(functions.map(({ name, lastMinute }) => [name, lastMinute?.calls]));
  assert.deepEqual([stats.get("echo"), stats.get("slow")], [1, undefined]);
});

test("a node tells of itself, by name or id; another node is asked", async () => {
  const { json: details } = await node.call(showNode, { parameters: { node: "test" } });
  assert.deepEqual(details.certificates, {
    peer: { notAfter: "1970-01-01T00:00:00.001Z" },
    public: { notAfter: "1970-01-01T00:00:00.002Z" },
  });
  assert.deepEqual([details.name, details.id, details.version], ["test", "0123", "0.0.0"]);
  assert.equal(details.policy.node, "test");
  assert.equal((await node.ask("/v1/nodes/b1")).status, 200);
  assert.deepEqual(elsewhere, [{ node: "b1" }]);
  const unknown = await node.ask("/v1/nodes/nobody");
  assert.deepEqual([unknown.status, unknown.problem().code], [404, "node.unknown"]);
});

test("the source of a revision before the current one is there", async () => {
  const sourceOf = async (revision?: string): Promise<AppSource> =>
    (await node.call(appSource, { parameters: { app: "shop" }, query: { revision } })).json;
  const before = await sourceOf();
  await node.deploy("shop", "two");
  const [now, then] = await Promise.all([sourceOf(), sourceOf(before.revision)]);
  assert.deepEqual([now.files[0]?.text, then.files[0]?.text, then.revision], ["two", "one", before.revision]);
  const unknown = await node.ask("/v1/apps/shop/source?revision=000000000000");
  assert.deepEqual([unknown.status, unknown.problem().code], [404, "revision.unknown"]);
});

test("the audit log is checked on a thread: what is no bundle is not proved", async () => {
  const [first, second] = await Promise.all([node.ask("/v1/audit?verify=true"), node.ask("/v1/audit?verify=true")]);
  const verdict = first.of(narrowed(audit, auditVerdict));
  assert.deepEqual([verdict.ok, verdict.records], [false, 0]);
  assert.match(verdict.problems[0] ?? "", /it is not an audit bundle/);
  assert.deepEqual(second.json(), verdict);
});
