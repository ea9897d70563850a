// Calls over HTTPS: results, headers, and every way in which a call is refused or fails.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, answerOf, TestNode } from "../../harness/tls/test-node.js";

let node: TestNode;

before(async () => {
  node = await TestNode.start({ limits: { argumentBytes: 20_000, deadlineMs: 2_000 } });
  await node.deploy("calc");
  await node.deploy("open", "export function echo(): void {} // open", "?public=true");
});

after(() => node.stop());

const call = (name: string, question = {}) => node.ask(`/fn/calc/${name}`, { method: "POST", ...question });

function codeOf(answer: Pick<Answer, "problem">): string {
  return answer.problem().code;
}

test("a call answers with the result and says who computed it", async () => {
  const answer = await call("echo", { body: '{"a":1}', headers: { "content-type": "application/json" } });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json(), { json: '{"a":1}' });
  assert.equal(answer.headers["content-type"], "application/json");
  assert.equal(answer.headers["herd-node"], "test");
  assert.equal(answer.headers["herd-hops"], "0");
  assert.match(String(answer.headers["herd-revision"]), /^[0-9a-f]{12}$/);
  assert.match(String(answer.headers["herd-invocation"]), /^[0-9a-f]{12}-/);
  assert.equal(answer.headers["server-timing"], "queue;dur=0.012, run;dur=1");
});

test("no body is no arguments, GET takes a query, void answers 204 without a body", async () => {
  assert.deepEqual((await call("echo")).json(), { json: "" });
  assert.deepEqual((await node.ask("/fn/calc/echo?a=1&b=x%20y")).json(), { query: "a=1&b=x%20y" });
  assert.deepEqual((await node.ask("/fn/calc/echo")).json(), { query: "" });
  const nothing = await call("nothing");
  assert.equal(nothing.status, 204);
  assert.equal(nothing.body.length, 0);
});

test("curl's default content type is read as JSON, multipart and compressed bodies are refused", async () => {
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await call("echo", { body: "{}", headers: form })).status, 200);
  const multipart = await call("echo", { body: "{}", headers: { "content-type": "multipart/form-data; boundary=x" } });
  assert.equal(multipart.status, 415);
  assert.equal(codeOf(multipart), "media.unsupported");
  assert.equal((await call("echo", { body: "{}", headers: { "content-encoding": "gzip" } })).status, 415);
});

test("a call needs a token, and nobody without one learns which apps exist", async () => {
  for (const app of ["calc", "ghost"]) {
    const answer = await node.ask(`/fn/${app}/echo`, { method: "POST", token: null, body: "{}" });
    assert.equal(answer.status, 401);
    assert.equal(codeOf(answer), "auth.missing");
    assert.match(String(answer.headers["www-authenticate"]), /^Bearer/);
  }
  assert.equal(codeOf(await call("echo", { token: "nonsense" })), "auth.invalid");
  const other = await node.tokens.issue({ role: "invoke", app: "other", ttlSeconds: 60 });
  const forbidden = await call("echo", { token: other.token });
  assert.equal(forbidden.status, 403);
  assert.equal(codeOf(forbidden), "auth.forbidden");
  const own = await node.tokens.issue({ role: "invoke", app: "calc", ttlSeconds: 60 });
  assert.equal((await call("echo", { token: own.token })).status, 200);
  assert.equal((await call("echo", { token: null, headers: { authorization: `bearer ${own.token}` } })).status, 200);
  assert.equal((await call("echo", { token: null, headers: { authorization: `Basic ${own.token}` } })).status, 401);
});

test("a public app needs no token", async () => {
  assert.equal((await node.ask("/fn/open/echo", { method: "POST", token: null })).status, 200);
});

test("what does not exist has its own code", async () => {
  assert.equal(codeOf(await node.ask("/fn/ghost/echo", { method: "POST" })), "app.unknown");
  assert.equal(codeOf(await call("ghost")), "function.unknown");
  assert.equal(codeOf(await call("constructor")), "function.unknown");
  const malformed = await node.ask("/fn/No_App/echo", { method: "POST" });
  assert.equal(malformed.status, 400);
  assert.equal(codeOf(malformed), "request.malformed");
  assert.equal(codeOf(await node.ask("/fn/calc/%ff", { method: "POST" })), "request.malformed");
  assert.equal(codeOf(await node.ask("/fn/calc", { method: "POST" })), "path.unknown");
  const method = await node.ask("/fn/calc/echo", { method: "DELETE" });
  assert.equal(method.status, 405);
  assert.equal(codeOf(method), "method.unsupported");
  assert.equal(method.headers.allow, "GET, POST, OPTIONS");
});

test("herd-deadline-ms bounds a call and never raises the limit", async () => {
  const deadline = async (header?: string) => {
    const headers = header === undefined ? {} : { "herd-deadline-ms": header };
    const from = Date.now();
    const at = Number((await call("deadline", { headers })).body.toString());
    // How long after the call came in, at least and at most; the node's clock may be a few ms off this one.
    return { least: at - Date.now() - 20, most: at - from + 20 };
  };
  for (const [header, ms] of [
    [undefined, 2_000],
    ["100", 100],
    ["999999999", 2_000],
  ] as const) {
    const { least, most } = await deadline(header);
    assert.ok(least <= ms && ms <= most, `${header}: from ${least} to ${most} ms`);
  }
  for (const wrong of ["0", "-1", "1.5", "soon", ""]) {
    assert.equal(codeOf(await call("deadline", { headers: { "herd-deadline-ms": wrong } })), "request.malformed");
  }
});

test("herd-node is for admins and names this node", async () => {
  assert.equal((await call("echo", { headers: { "herd-node": "test" } })).status, 200);
  assert.equal(codeOf(await call("echo", { headers: { "herd-node": "else" } })), "node.unknown");
  const { token } = await node.tokens.issue({ role: "invoke", ttlSeconds: 60 });
  assert.equal(codeOf(await call("echo", { token, headers: { "herd-node": "test" } })), "auth.forbidden");
  const open = await node.ask("/fn/open/echo", { method: "POST", token: null, headers: { "herd-node": "test" } });
  assert.equal(codeOf(open), "auth.missing");
});

test("failures of a function have their codes, and internal ones no details", async () => {
  const trap = await call("trap");
  assert.equal(trap.status, 500);
  assert.equal(trap.headers["content-type"], "application/problem+json");
  assert.deepEqual(trap.json(), {
    status: 500,
    code: "function.trapped",
    title: "The function failed",
    detail: "no luck",
    where: "index.ts:3:1",
  });
  assert.match(String(trap.headers["herd-invocation"]), /^[0-9a-f]{12}-/);
  const overloaded = await call("overloaded");
  assert.equal(overloaded.status, 503);
  assert.equal(overloaded.headers["retry-after"], "1");
  assert.equal(codeOf(await call("memory")), "function.out-of-memory");
  assert.equal(codeOf(await call("huge")), "function.result-too-large");
  const broken = await call("broken");
  assert.equal(codeOf(broken), "internal");
  assert.ok(!broken.body.includes("secret"), `${broken.body}`);
  assert.match(String(node.errors.at(-1)), /secret of the host/);
});

test("a function's failure is a line of its app's log; failures of the node and of the caller are not", async () => {
  const lines = [
    ["trap", "trapped: no luck (at index.ts:3:1)"],
    ["memory", "out of memory: 64 MiB"],
    ["late", "deadline: late did not end within its deadline"],
    ["huge", "result too large: 6 MiB"],
  ] as const;
  for (const [name, message] of lines) {
    const before = Date.now();
    const answer = await call(name);
    const { at, ...line } = node.ring.read({ app: "calc", limit: 1 })[0] ?? { at: 0 };
    assert.ok(before <= at && at <= Date.now(), `${at}, not after ${before}`);
    assert.deepEqual(line, {
      node: "test",
      level: "error",
      message,
      app: "calc",
      function: name,
      revision: answer.headers["herd-revision"],
      invocation: answer.headers["herd-invocation"],
    });
  }
  const before = node.ring.read({ app: "calc" }).length;
  for (const name of ["overloaded", "broken", "absent"]) await call(name);
  assert.equal(node.ring.read({ app: "calc" }).length, before);
});

test("a body over the limit is refused, announced or not, and the connection lives on", async () => {
  const announced = await call("echo", { body: "x".repeat(20_001) });
  assert.equal(announced.status, 413);
  assert.equal(codeOf(announced), "request.too-large");
  const chunked = node.open("/fn/calc/echo", { method: "POST" });
  for (let index = 0; index < 5; index++) chunked.write("x".repeat(5_000));
  chunked.end();
  assert.equal(codeOf(await answerOf(chunked)), "request.too-large");
  assert.equal((await call("echo", { body: "x".repeat(20_000) })).status, 200);
});

test("a slow chunked body that fits is read whole", async () => {
  const chunked = node.open("/fn/calc/echo", { method: "POST" });
  for (const part of ["[1", ",2", "]"]) {
    chunked.write(part);
    await sleep(30);
  }
  chunked.end();
  assert.deepEqual((await answerOf(chunked)).json(), { json: "[1,2]" });
});

test("a client that sends without end is cut off, and the node goes on", async () => {
  for (const headers of [{}, { "content-length": "100000000" }]) {
    const endless = node.open("/fn/calc/echo", { method: "POST", headers: { ...headers } });
    const cut = answerOf(endless).then(
      (answer) => answer.status,
      (error: NodeJS.ErrnoException) => error.code,
    );
    let sent = 0;
    const ended = new Promise((resolve) => endless.once("close", resolve));
    let open = true;
    void ended.then(() => (open = false));
    while (open && sent < 4_000_000) {
      endless.write("x".repeat(10_000));
      sent += 10_000;
      await sleep(1);
    }
    endless.destroy();
    assert.match(String(await cut), /ECONNRESET|EPIPE/);
    assert.ok(sent < 4_000_000, `cut after ${sent} bytes`);
  }
  assert.equal((await call("echo")).status, 200);
});

test("an unauthorized upload is answered once it ended, and cut off when it does not end", async () => {
  const refused = await node.ask("/v1/apps/calc", {
    method: "PUT",
    token: null,
    body: "x".repeat(50_000),
    headers: { "content-type": "text/plain" },
  });
  assert.equal(codeOf(refused), "auth.missing");
});

test("a client that disconnects cancels its call", async () => {
  const waiting = node.open("/fn/calc/slow", { method: "POST" });
  const failed = answerOf(waiting).catch(() => undefined);
  waiting.end();
  while (node.api.inFlight.size === 0) await sleep(2);
  waiting.destroy();
  await failed;
  for (let tries = 0; node.sandbox.cancelled.length === 0 && tries < 5_000; tries++) await sleep(5);
  assert.equal(node.sandbox.cancelled.length, 1);
  while (node.api.inFlight.size > 0) await sleep(2);
});

test("a client that disconnects within its body leaves nothing behind", async () => {
  const half = node.open("/fn/calc/echo", { method: "POST" });
  const failed = answerOf(half).catch(() => undefined);
  half.write('{"a":');
  while (node.api.inFlight.size === 0) await sleep(2);
  half.destroy();
  await failed;
  for (let tries = 0; node.api.inFlight.size > 0 && tries < 5_000; tries++) await sleep(5);
  assert.equal(node.api.inFlight.size, 0);
  assert.equal((await call("echo")).status, 200);
});
