// What only some nodes may do: passed on once to one that may, checked again there, bounded on the way.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deployApp, showApp } from "../../../src/api/apps.js";
import { createToken, listTokens } from "../../../src/api/tokens.js";
import { HerdError } from "../../../src/core/errors.js";
import { decodeFrame, encodeFrame } from "../../../src/mesh/transport/frame.js";
import { tokenKey } from "../../../src/pki/tokens/tokens.js";
import type { Where } from "../../../src/server/http/place.js";
import type { Relay, RelayedRequest } from "../../../src/server/relay/relay-message.js";
import { type Answer, type Question, TestNode } from "../../harness/tls/test-node.js";

const masterId = "a".repeat(32);
const plainId = "b".repeat(32);

/** A master with the deploy mark, and a node that is neither; `link` is what the plain node's requests travel over. */
class Pair {
  master!: TestNode;
  plain!: TestNode;
  /** Requests that travelled. */
  readonly travelled: { where: Where; request: RelayedRequest }[] = [];
  linked = true;
  /** Changes an answer on its way back. */
  tamper: (answer: unknown) => unknown = (answer) => answer;
  masterMay = true;

  async start(): Promise<void> {
    const key = await tokenKey();
    const limits = { sourceBytes: 10_000, sourceFiles: 4 };
    const nobody: Relay = { isHere: () => this.masterMay, request: () => assert.fail("a relayed request went on") };
    this.master = await TestNode.start({
      limits,
      tokenKey: key,
      relay: nobody,
      node: { id: masterId, name: "master" },
    });
    const relay: Relay = {
      isHere: () => false,
      request: async (where, request, signal) => {
        if (!this.linked) throw new HerdError("node.unavailable", "this needs a master, and none is reachable");
        this.travelled.push({ where, request });
        const answer = await this.master.api.handleRelayed(overLink(request), { node: plainId, signal });
        return this.tamper(overLink(answer));
      },
    };
    this.plain = await TestNode.start({ limits, tokenKey: key, relay, node: { id: plainId, name: "plain" } });
  }

  async stop(): Promise<void> {
    await Promise.all([this.master.stop(), this.plain.stop()]);
  }
}

/** What a link makes of a value. */
function overLink(value: unknown): unknown {
  return decodeFrame(encodeFrame(value));
}

const pair = new Pair();
before(() => pair.start());
after(() => pair.stop());

function codeOf(answer: Answer): string {
  return answer.problem().code;
}

function post(path: string, value: unknown, question: Question = {}): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  return pair.plain.ask(path, { method: "POST", body: JSON.stringify(value), headers, ...question });
}

test("a token is made by a master when another node is asked", async () => {
  const created = await post("/v1/tokens", { role: "invoke", ttlSeconds: 60 });
  assert.equal(created.status, 201);
  assert.equal(created.headers["content-type"], "application/json");
  assert.equal(created.headers["cache-control"], "no-store");
  const { id, token } = created.of(createToken);
  const { json: known } = await pair.master.call(listTokens);
  assert.ok(
    known.some((entry) => entry.id === id),
    JSON.stringify(known),
  );
  assert.equal((await pair.plain.ask("/v1/apps", { token })).status, 200, "it is good at the node that was asked");
  const { where, request } = pair.travelled.at(-1) ?? assert.fail();
  assert.equal(where, "master");
  assert.match(request.remoteAddress, /^(127\.0\.0\.1|::1)$/);
  assert.equal((await pair.plain.ask(`/v1/tokens/${id}`, { method: "DELETE" })).status, 204);
});

test("a node with the mark deploys an upload to a node without it, with the asked node's addresses", async () => {
  const created = await pair.plain.deploy("moved", "one", "?public=true");
  assert.equal(created.status, 201, created.body.toString());
  const body = created.of(deployApp);
  assert.deepEqual(body.nodes, ["master"]);
  assert.ok(body.functions[0]?.url.startsWith(`${pair.plain.api.url}/fn/moved/`), body.functions[0]?.url);
  assert.equal(pair.plain.compiler.compiled.length, 0);
  const { json: shown } = await pair.master.call(showApp, { parameters: { app: "moved" } });
  assert.equal(shown.public, true, "the query travelled");
  assert.equal((await pair.plain.deploy("moved", "two")).status, 200);
  assert.equal((await post("/v1/apps/moved/rollback", {})).status, 200);
  assert.equal((await pair.plain.ask("/v1/apps/moved", { method: "DELETE" })).status, 204);
  assert.equal(codeOf(await pair.master.ask("/v1/apps/moved")), "app.unknown");
});

test("problems come back as they were: code, diagnostics, headers", async () => {
  const bad = await pair.plain.deploy("bad", "SYNTAX");
  assert.equal(bad.status, 422);
  assert.equal(bad.headers["content-type"], "application/problem+json");
  assert.equal(bad.problem().diagnostics?.length, 1);
  const gone = await pair.plain.ask("/v1/apps/ghost", { method: "DELETE" });
  assert.equal(codeOf(gone), "app.unknown");
});

test("a role that does not suffice is refused before anything travels, and again where it would act", async () => {
  const { token } = await pair.master.tokens.issue({ role: "invoke", ttlSeconds: 60 });
  const before = pair.travelled.length;
  assert.equal(codeOf(await post("/v1/tokens", { role: "invoke" }, { token })), "auth.forbidden");
  assert.equal(codeOf(await post("/v1/tokens", { role: "invoke" }, { token: null })), "auth.missing");
  assert.equal(pair.travelled.length, before);
  const forged = (authorization: string) => relayed({ headers: { authorization } });
  assert.equal((await forged(`Bearer ${token}`)).status, 403);
  assert.equal((await forged("Bearer nonsense")).status, 401);
  const missing = await relayed({ headers: {} });
  assert.equal(missing.status, 401);
  assert.match(String(missing.headers["www-authenticate"]), /^Bearer/);
});

test("a token that was revoked at the receiver is refused there", async () => {
  const { id, token } = await pair.master.tokens.issue({ role: "admin", ttlSeconds: 60 });
  await pair.master.tokens.revoke(id);
  assert.equal(codeOf(await post("/v1/tokens", { role: "invoke" }, { token })), "auth.invalid");
});

test("a relayed request is never relayed again", async () => {
  pair.masterMay = false;
  try {
    const answer = await post("/v1/tokens", { role: "invoke", ttlSeconds: 60 });
    assert.equal(codeOf(answer), "node.unavailable");
    assert.ok(Number(answer.headers["retry-after"]) >= 1, `${Number(answer.headers["retry-after"])}`);
  } finally {
    pair.masterMay = true;
  }
});

test("peers reach only what is meant for them", async () => {
  for (const target of ["/v1/logs", "/metrics", "/fn/a/b", "/nothing", "/", "/v1/tokens/a/b"]) {
    const answer = await relayed({ method: "GET", target });
    assert.equal(answer.status, 404, target);
  }
});

test("bodies are bounded at both ends", async () => {
  const large = "x".repeat(70_000);
  assert.equal(codeOf(await post("/v1/tokens", { role: large })), "request.too-large");
  assert.equal((await relayed({ body: Buffer.from(JSON.stringify({ role: large })) })).status, 413);
  assert.equal(codeOf(await pair.plain.deploy("large", "x".repeat(15_000))), "request.too-large");
});

test("what is no request is refused", async () => {
  const wrong: Partial<Record<keyof RelayedRequest, unknown>>[] = [
    { method: "PATCH" },
    { target: "v1/tokens" },
    { target: `/${"x".repeat(9_000)}` },
    { target: "/v1/\ntokens" },
    { headers: { authorization: "a\r\nb" } },
    { headers: { host: "elsewhere" } },
    { headers: { authorization: "x".repeat(9_000) } },
    { body: "text" },
    { body: Buffer.alloc(9 * 1024 * 1024) },
    { remoteAddress: "somewhere" },
    { baseUrl: "https://evil/<script>" },
  ];
  for (const change of wrong) await assert.rejects(relayed(change), { code: "request.malformed" });
  const from = { node: plainId, signal: new AbortController().signal };
  for (const nothing of [undefined, null, 5, "x", []]) {
    await assert.rejects(pair.master.api.handleRelayed(nothing, from), { code: "request.malformed" });
  }
});

test("a peer's answer that is none is an internal error; a header that it may not set is left out", async () => {
  const wrong = [
    undefined,
    {},
    { status: 99, headers: {}, body: Buffer.alloc(0) },
    { status: 200, headers: {}, body: "x" },
  ];
  for (const answer of wrong) {
    pair.tamper = () => answer;
    assert.equal(codeOf(await post("/v1/tokens", { role: "invoke" })), "internal");
  }
  const headers = { "content-type": "text/plain", "set-cookie": "a=b", "herd-x": "1", "retry-after": "a\nb" };
  pair.tamper = () => ({ status: 200, headers, body: Buffer.from("ok") });
  const answer = await post("/v1/tokens", { role: "invoke" });
  assert.equal(answer.headers["set-cookie"], undefined);
  assert.equal(answer.headers["retry-after"], undefined);
  assert.equal(answer.headers["herd-x"], "1");
  assert.equal(answer.body.toString(), "ok");
  pair.tamper = (whole) => whole;
});

test("without a peer that may, the answer says what is missing and when to try again", async () => {
  pair.linked = false;
  try {
    const answer = await post("/v1/tokens", { role: "invoke" });
    assert.equal(answer.status, 503);
    assert.equal(codeOf(answer), "node.unavailable");
    assert.match(answer.problem().detail ?? "", /master/);
    assert.ok(Number(answer.headers["retry-after"]) >= 1, `${Number(answer.headers["retry-after"])}`);
  } finally {
    pair.linked = true;
  }
});

/** Sends the master what a peer could send. */
function relayed(change: Partial<Record<keyof RelayedRequest, unknown>>) {
  const request = {
    method: "POST",
    target: "/v1/tokens",
    headers: { authorization: `Bearer ${pair.master.admin}` },
    body: Buffer.from('{"role":"invoke"}'),
    remoteAddress: "127.0.0.1",
    baseUrl: "https://localhost:1",
    ...change,
  };
  return pair.master.api.handleRelayed(request, { node: plainId, signal: new AbortController().signal });
}
