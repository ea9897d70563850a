// What nobody may keep or guess at the type of: every problem, and every answer that holds a secret.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Answer, TestNode } from "../harness/tls/test-node.js";
import { get } from "./http-rows.js";
import { exchange } from "./raw-client.js";

let node: TestNode;

before(async () => {
  node = await TestNode.start({ limits: { argumentBytes: 1_000 } });
  await node.deploy("calc");
  await node.deploy("open", undefined, "?public=true");
});

after(() => node.stop());

function assertNotKept({ headers }: Answer, of: string): void {
  assert.equal(headers["cache-control"], "no-store", of);
  assert.equal(headers["x-content-type-options"], "nosniff", of);
}

test("problems are not kept, those of calls included", async () => {
  const headers = { "content-type": "application/json" };
  const problems = [
    ["/fn/calc/echo", 401, { token: null }],
    ["/fn/calc/echo", 401, { token: "no.such.token" }],
    ["/fn/none/echo", 404, {}],
    ["/fn/calc/none", 404, {}],
    ["/fn/open/none", 404, { token: null }],
    ["/fn/open/trap", 500, { token: null }],
    ["/fn/open/broken", 500, { token: null }],
    ["/fn/open/overloaded", 503, { token: null }],
    ["/fn/open/late", 504, { token: null }],
    ["/fn/open/echo", 413, { token: null, body: " ".repeat(1_001) }],
    ["/fn/open/echo", 415, { token: null, headers: { "content-encoding": "gzip" } }],
    ["/v1/sign-in", 401, { token: null, body: '{"code":"x"}' }],
    ["/v1/tokens", 400, { body: '{"role":"x"}' }],
    ["/v1/tokens", 401, { token: null }],
    ["/nowhere", 404, {}],
    ["/healthz", 405, {}],
  ] as const;
  for (const [path, status, question] of problems) {
    const answer = await node.ask(path, { method: "POST", body: "[]", headers, ...question });
    const name = `${path} ${answer.status}`;
    assert.equal(answer.status, status, `${name}: ${answer.body.toString()}`);
    assert.equal(answer.headers["content-type"], "application/problem+json", name);
    assertNotKept(answer, name);
  }
});

test("a problem for HEAD has the same headers", async () => {
  const answer = await node.ask("/nowhere", { method: "HEAD" });
  assert.equal(answer.status, 404);
  assertNotKept(answer, "HEAD");
  assert.ok(Number(answer.headers["content-length"]) > 0, `${Number(answer.headers["content-length"])}`);
});

test("a refusal of a head is not kept", async () => {
  const place = { port: Number(new URL(node.api.url).port), ca: node.root };
  for (const fields of ["host: b\r\n", "expect: x\r\n", "x: a\r\n".repeat(80)]) {
    const { text } = await exchange(place, get(fields));
    assert.match(text, /\r\ncache-control: no-store\r\n/);
    assert.match(text, /\r\nx-content-type-options: nosniff\r\n/);
    assert.match(text, /\r\nconnection: close\r\n/i);
    assert.match(text, /"code":"(?:request|expectation)\./);
  }
});

test("tokens, sign-in and what an admin sees are not kept", async () => {
  const headers = { "content-type": "application/json" };
  const created = await node.ask("/v1/tokens", { method: "POST", headers, body: '{"role":"invoke"}' });
  assert.equal(created.status, 201);
  assertNotKept(created, "a token");
  const code = node.signIn.createCode();
  const signedIn = await node.ask("/v1/sign-in", {
    method: "POST",
    headers,
    token: null,
    body: JSON.stringify({ code }),
  });
  assert.equal(signedIn.status, 200);
  assertNotKept(signedIn, "sign-in");
  for (const path of ["/v1/tokens", "/v1/apps", "/v1/mesh", "/v1/nodes", "/v1/policy", "/v1/joins", "/v1/logs"]) {
    const answer = await node.ask(path);
    if (answer.status === 200) assertNotKept(answer, path);
  }
});
