// Apps, tokens, logs, health and the rest of the interface.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { appOpenApi, deployApp, listApps } from "../../src/api/apps.js";
import { readLogs } from "../../src/api/logs.js";
import { createToken, listTokens, signIn } from "../../src/api/tokens.js";
import { type Answer, answerOf, type Question, TestNode } from "../harness/tls/test-node.js";

let node: TestNode;

before(async () => {
  node = await TestNode.start({ limits: { sourceBytes: 10_000, sourceFiles: 4 } });
});

after(() => node.stop());

type Json = Record<string, never>;

function jsonOf(answer: Answer): Json {
  return answer.json() as Json;
}

function codeOf(answer: Answer): string {
  return String(jsonOf(answer).code);
}

function postJson(path: string, value: unknown, question: Question = {}): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  return node.ask(path, { method: "POST", body: JSON.stringify(value), headers, ...question });
}

test("a new app answers 201, a new revision 200, both with functions and endpoints", async () => {
  const created = await node.deploy("shapes", "one");
  assert.equal(created.status, 201);
  const body = created.of(deployApp);
  assert.equal(body.app, "shapes");
  assert.deepEqual(body.nodes, ["test"]);
  assert.equal(body.functions[0]?.url, `${node.api.url}/fn/shapes/${body.functions[0]?.name}`);
  const next = await node.deploy("shapes", "two");
  assert.equal(next.status, 200);
  assert.notEqual(jsonOf(next).revision, body.revision);
});

test("an app is shown with its revisions, types and limits, and listed", async () => {
  await node.deploy("shown");
  const shown = jsonOf(await node.ask("/v1/apps/shown"));
  assert.deepEqual(Object.keys(shown).sort(), [
    "app",
    "functions",
    "limits",
    "nodes",
    "public",
    "revision",
    "revisions",
    "types",
  ]);
  assert.equal(shown.public, false);
  const { json: list } = await node.call(listApps);
  assert.ok(
    list.some(({ app }) => app === "shown"),
    JSON.stringify(list),
  );
  const { token } = await node.tokens.issue({ role: "invoke", app: "shown", ttlSeconds: 60 });
  const scoped = (await node.ask("/v1/apps", { token })).of(listApps);
  assert.deepEqual(
    scoped.map(({ app }) => app),
    ["shown"],
  );
  assert.equal(codeOf(await node.ask("/v1/apps/shapes", { token })), "auth.forbidden");
});

test("public is set by the query and kept without it", async () => {
  await node.deploy("door", "1", "?public=true");
  await node.deploy("door", "2");
  assert.equal(jsonOf(await node.ask("/v1/apps/door")).public, true);
  await node.deploy("door", "3", "?public=false");
  assert.equal((await node.ask("/fn/door/echo", { method: "POST", token: null })).status, 401);
  assert.equal(codeOf(await node.deploy("door", "4", "?public=maybe")), "request.malformed");
});

test("rollback goes back, to the one before or to a revision; removal ends an app", async () => {
  const first = jsonOf(await node.deploy("history", "1")).revision;
  const second = jsonOf(await node.deploy("history", "2")).revision;
  assert.equal(jsonOf(await node.ask("/v1/apps/history/rollback", { method: "POST" })).revision, first);
  assert.equal(jsonOf(await postJson("/v1/apps/history/rollback", { revision: second })).revision, second);
  assert.equal(codeOf(await postJson("/v1/apps/history/rollback", { revision: "nope" })), "revision.unknown");
  assert.equal(codeOf(await postJson("/v1/apps/history/rollback", { wrong: 1 })), "request.malformed");
  assert.equal(codeOf(await postJson("/v1/apps/ghost/rollback", {})), "app.unknown");
  const removed = await node.ask("/v1/apps/history", { method: "DELETE" });
  assert.equal(removed.status, 204);
  assert.equal(codeOf(await node.ask("/v1/apps/history", { method: "DELETE" })), "app.unknown");
  assert.equal(codeOf(await node.ask("/fn/history/echo", { method: "POST" })), "app.unknown");
});

test("artifacts: component, WIT, OpenAPI and source", async () => {
  await node.deploy("art", "the source");
  const component = await node.ask("/v1/apps/art/component.wasm");
  assert.equal(component.headers["content-type"], "application/wasm");
  assert.equal(component.body.subarray(0, 4).toString("latin1"), "\0asm");
  assert.match((await node.ask("/v1/apps/art/interface.wit")).body.toString(), /interface functions/);
  const source = jsonOf(await node.ask("/v1/apps/art/source"));
  assert.deepEqual(source.files, [{ path: "index.ts", text: "the source" }]);
  const { json: openApi } = await node.call(appOpenApi, { parameters: { app: "art" } });
  assert.equal(openApi.openapi, "3.1.0");
  assert.ok("/fn/art/echo" in Object(openApi.paths), JSON.stringify(openApi.paths));
});

test("an upload that does not compile says where", async () => {
  const answer = await node.deploy("bad", "SYNTAX");
  assert.equal(answer.status, 422);
  assert.equal(codeOf(answer), "source.invalid");
  assert.deepEqual(jsonOf(answer).diagnostics, [
    { file: "index.ts", line: 1, column: 3, message: "unexpected SYNTAX", source: "SYNTAX" },
  ]);
  assert.equal(codeOf(await node.ask("/v1/apps/bad")), "app.unknown");
});

test("every path that needs a role refuses a lower one", async () => {
  const { token } = await node.tokens.issue({ role: "invoke", ttlSeconds: 60 });
  await node.deploy("guarded");
  const needs: [string, string][] = [
    ["PUT", "/v1/apps/guarded"],
    ["DELETE", "/v1/apps/guarded"],
    ["POST", "/v1/apps/guarded/rollback"],
    ["POST", "/v1/tokens"],
    ["GET", "/v1/tokens"],
    ["DELETE", "/v1/tokens/x"],
    ["GET", "/v1/logs"],
    ["GET", "/v1/nodes"],
    ["GET", "/v1/mesh"],
  ];
  for (const [method, path] of needs) {
    assert.equal(codeOf(await node.ask(path, { method, token })), "auth.forbidden", `${method} ${path}`);
    assert.equal(codeOf(await node.ask(path, { method, token: null })), "auth.missing", `${method} ${path}`);
  }
  for (const path of ["/v1/apps", "/v1/apps/guarded", "/v1/apps/guarded/source", "/v1/apps/ghost"]) {
    assert.equal(codeOf(await node.ask(path, { token: null })), "auth.missing", path);
  }
});

test("tokens are created, listed without their text, and revoked", async () => {
  const created = await postJson("/v1/tokens", { role: "invoke", app: "shown", ttlSeconds: 60 });
  assert.equal(created.status, 201);
  const { id, token } = created.of(createToken);
  assert.equal((await node.ask("/v1/apps", { token })).status, 200);
  const listed = await node.ask("/v1/tokens");
  assert.ok(
    listed.of(listTokens).some((entry) => entry.id === id),
    listed.body.toString(),
  );
  assert.ok(!listed.body.includes(token), `${listed.body}`);
  assert.equal((await node.ask(`/v1/tokens/${id}`, { method: "DELETE" })).status, 204);
  assert.equal(codeOf(await node.ask("/v1/apps", { token })), "auth.invalid");
  for (const wrong of [
    { role: "join", app: "hello" },
    { role: "king" },
    { role: "invoke", uses: 2 },
    { role: "invoke", ttlSeconds: -1 },
    5,
  ]) {
    assert.equal(codeOf(await postJson("/v1/tokens", wrong)), "request.malformed", JSON.stringify(wrong));
  }
});

test("a sign-in code becomes an admin token, once", async () => {
  const code = node.signIn.createCode();
  const signedIn = await postJson("/v1/sign-in", { code }, { token: null });
  const { token } = signedIn.of(signIn);
  assert.equal((await node.ask("/v1/tokens", { token })).status, 200);
  assert.equal(codeOf(await postJson("/v1/sign-in", { code }, { token: null })), "auth.invalid");
  assert.equal(codeOf(await postJson("/v1/sign-in", {}, { token: null })), "request.malformed");
});

test("logs come as an array, bounded and by app, or as a stream that follows", async () => {
  node.ring.add({ at: 0, node: "test", level: "info", message: "first", app: "shown" });
  node.ring.add({ at: 1, node: "test", level: "info", message: "second" });
  const { json: all } = await node.call(readLogs, { query: { limit: "2" } });
  assert.deepEqual(
    all.map(({ message }) => message),
    ["first", "second"],
  );
  assert.equal(all[0]?.at, "1970-01-01T00:00:00.000Z");
  const { json: ofApp } = await node.call(readLogs, { query: { app: "shown" } });
  assert.deepEqual(
    ofApp.map(({ message }) => message),
    ["first"],
  );
  assert.equal(codeOf(await node.ask("/v1/logs?limit=many")), "request.malformed");
  const stream = node.open("/v1/logs?follow=true&app=shown");
  stream.end();
  let text = "";
  stream.once("response", (response) => response.on("data", (chunk) => (text += chunk)));
  stream.on("error", () => undefined);
  while (!text.includes("first")) await sleep(5);
  node.ring.add({ at: 2, node: "test", level: "warn", message: "third", app: "shown" });
  node.ring.add({ at: 2, node: "test", level: "warn", message: "not this", app: "else" });
  for (let tries = 0; !text.includes("third") && tries < 5_000; tries++) await sleep(5);
  assert.match(text, /"message":"third"/);
  assert.ok(!text.includes("not this"), `${text}`);
  stream.destroy();
});

test("health, root certificate, metrics, nodes and mesh", async () => {
  assert.equal((await node.ask("/healthz", { token: null })).status, 200);
  assert.equal((await node.ask("/readyz", { token: null })).status, 200);
  assert.match((await node.ask("/ca.pem", { token: null })).body.toString(), /BEGIN CERTIFICATE/);
  const metrics = await node.ask("/metrics", { token: null });
  assert.match(String(metrics.headers["content-type"]), /^text\/plain; version=0\.0\.4/);
  assert.match(metrics.body.toString(), /herd_invocations_total\{outcome="ok"\} \d/);
  assert.equal((await node.ask("/v1/nodes")).status, 200);
  assert.deepEqual(jsonOf(await node.ask("/v1/mesh")).peers, []);
  const page = await node.ask("/", { token: null });
  assert.match(String(page.headers["content-security-policy"]), /default-src 'none'/);
});

test("unknown paths, wrong methods, OPTIONS and HEAD", async () => {
  assert.equal(codeOf(await node.ask("/nothing/here", { token: null })), "path.unknown");
  assert.equal(codeOf(await node.ask("/v1/apps/", { token: null })), "path.unknown");
  const wrong = await node.ask("/v1/apps", { method: "PATCH" });
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.allow, "GET, HEAD, OPTIONS");
  const options = await node.ask("/v1/apps", { method: "OPTIONS", token: null });
  assert.equal(options.status, 204);
  assert.equal(options.headers.allow, "GET, HEAD, OPTIONS");
  const head = await node.ask("/healthz", { method: "HEAD", token: null });
  assert.equal(head.status, 200);
  assert.equal(head.headers["content-length"], "3");
  assert.equal(head.body.length, 0);
  assert.equal((await node.ask("/v1/apps", { method: "HEAD", token: null })).status, 401);
  assert.equal((await node.ask("/v1/apps", { method: "HEAD" })).status, 200);
});

test("too many uploads at once are refused, not queued without end", async () => {
  let open: () => void = () => undefined;
  node.compiler.gate = new Promise((resolve) => {
    open = resolve;
  });
  // Each by a token of its own: one token may have its share of the queue and no more.
  const issued = Array.from({ length: 8 }, () => node.tokens.issue({ role: "deploy", ttlSeconds: 600 }));
  const headers = { "content-type": "text/plain" };
  const answers = (await Promise.all(issued)).map(({ token }, index) =>
    node.ask(`/v1/apps/many-${index}`, { method: "PUT", body: String(index), headers, token }),
  );
  let refused = 0;
  for (const answer of answers) void answer.then(({ status }) => (refused += status === 503 ? 1 : 0));
  while (refused < 5) await sleep(5);
  open();
  node.compiler.gate = Promise.resolve();
  const codes = (await Promise.all(answers)).map((answer) => [answer.status, answer.headers["retry-after"]]);
  assert.equal(codes.filter(([status]) => status === 201).length, 3);
  assert.equal(codes.filter(([status, after]) => status === 503 && after === "5").length, 5);
});

test("a draining node says so and takes no new calls, and ends when none is under way", async () => {
  const other = await TestNode.start();
  await other.deploy("calc");
  const slow = other.ask("/fn/calc/slow", { method: "POST" });
  while (other.api.inFlight.size === 0) await sleep(2);
  let drained = false;
  const done = other.api.drain(new AbortController().signal).then(() => {
    drained = true;
  });
  const refused = await other.ask("/fn/calc/echo", { method: "POST" });
  assert.equal(codeOf(refused), "node.draining");
  assert.equal(refused.headers["retry-after"], "5");
  assert.equal((await other.ask("/readyz")).status, 503);
  assert.equal(drained, false);
  other.sandbox.release();
  assert.equal((await slow).status, 200);
  await done;
  await other.stop();
});

test("two requests on one connection stay apart after an empty answer", async () => {
  assert.equal((await node.ask("/fn/shown/nothing", { method: "POST", body: "{}" })).status, 204);
  const next = node.open("/healthz", { token: null });
  next.end();
  assert.equal((await answerOf(next)).body.toString(), "ok\n");
});
