// Attacks on how bodies are framed: lengths that contradict each other, codings that never end, bodies that hold what
// others need.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Response } from "hyper-express";
import { type Route, UwsRequest, UwsResponse } from "../../src/server/door/uws/uws-request.js";
import { testDoor } from "../harness/tls/test-door.js";
import { TestNode } from "../harness/tls/test-node.js";
import { call, chunks, get, post } from "./http-rows.js";
import { exchange, type Place, RawClient } from "./raw-client.js";

const paths = ["/fn/a/b", "/fn/calc/echo", "/v1/sign-in", "/v1/join", "/v1/apps/x", "/healthz", "/nowhere"];
/** Two bodies of 150,000 bytes fit, and no third. */
const queueBytes = 400_000;
const heldBytes = 150_000;
const heldMs = 1_100;

let node: TestNode;
let place: Place;

before(async () => {
  node = await TestNode.start({ limits: { queueBytes } });
  await node.deploy("calc", undefined, "?public=true");
  place = { port: Number(new URL(node.api.url).port), ca: node.root };
});

after(() => node.stop());

async function assertHonest(): Promise<void> {
  assert.equal((await exchange(place, call)).statuses[0], 200);
}

test("two lengths end no node, whatever the path, the method and the order", async () => {
  for (const path of paths) {
    for (const method of ["POST", "PUT", "GET", "DELETE", "OPTIONS"]) {
      const head = `${method} ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\ncontent-length: 5\r\n\r\n`;
      const { statuses, closed } = await exchange(place, head + " ".repeat(100));
      assert.deepEqual(statuses, [400], `${method} ${path}`);
      assert.ok(closed || statuses.length === 1, `${method} ${path}: ${statuses}`);
    }
  }
  assert.deepEqual(node.errors, []);
  await assertHonest();
});

test("a request within the body of a refused one is not carried out", async () => {
  const smuggled = "PUT /v1/apps/smuggled HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
  for (const fields of ["content-length: 0\r\ncontent-length: 61\r\n", "host: y\r\n", "transfer-encoding: x\r\n"]) {
    const { statuses } = await exchange(place, post(fields, smuggled), 2);
    assert.ok(
      statuses.every((status) => status === 400),
      `${fields}: ${statuses.join(", ")}`,
    );
  }
  await assertHonest();
});

test("no spelling of a coding hangs: it is chunked, or it is refused at once", async () => {
  for (const coding of ["Chunked", "cHUNKED", "identity", "x", "gzip, chunked", "chunked, chunked", "chunked ;q=1"]) {
    const { statuses } = await exchange(place, post(`transfer-encoding: ${coding}\r\n`, chunks));
    const legal = coding.toLowerCase() === "chunked";
    assert.deepEqual(statuses, [legal ? 200 : 400], coding);
  }
  await assertHonest();
});

test("bodies that never end give way to honest ones, announced or chunked", async () => {
  for (const fields of [`content-length: ${heldBytes}\r\n`, "transfer-encoding: Chunked\r\n"]) {
    const half = fields.startsWith("content") ? "[" : "9\r\n[";
    const held = await Promise.all(Array.from({ length: 6 }, () => RawClient.open(place)));
    await Promise.all(held.map((client) => client.send(post(fields, half))));
    await sleep(heldMs);
    const large = `[${"1,".repeat(heldBytes / 2)}1]`;
    const honest = await exchange(place, post(`content-length: ${large.length}\r\n`, large));
    assert.deepEqual(honest.statuses, [200], fields);
    await assertHonest();
    for (const client of held) client.socket.destroy();
  }
});

test("a body that comes at a pace keeps its place while others want it", async () => {
  const slow = await RawClient.open(place);
  const part = " ".repeat(heldBytes - 3);
  await slow.send(post(`content-length: ${heldBytes}\r\n`, part));
  await sleep(heldMs);
  const others = Array.from({ length: 3 }, () =>
    exchange(place, post(`content-length: ${heldBytes}\r\n`, `${part}[1]`)),
  );
  await Promise.all(others);
  await slow.send("[1]");
  assert.ok(await slow.until(() => slow.statuses.length > 0), "the slow body is answered");
  assert.deepEqual(slow.statuses, [200]);
  slow.socket.destroy();
});

test("a refusal does not wait for a body that does not come", async () => {
  for (const [path, status] of [
    ["/v1/tokens", 401],
    ["/nowhere", 404],
    ["/fn/calc/none", 404],
    ["/healthz", 405],
  ] as const) {
    const { statuses } = await exchange(place, post("content-length: 7000000\r\n", "0123456789", path));
    assert.deepEqual(statuses, [status], path);
  }
});

test("a head in several records is read whole; only uWebSockets answers 505 where its slash ends one", async () => {
  const request = get(`x: ${"a".repeat(3_000)}\r\n`, `/healthz?${"a".repeat(500)}`);
  const at = request.indexOf("\r\n") + 2;
  for (const cut of [2, at, at + 3, at + 1_500, request.length - 1]) {
    const { statuses } = await exchange(place, [request.slice(0, cut), request.slice(cut)]);
    assert.deepEqual(statuses, [200], `cut at ${cut}`);
  }
  const { statuses, closed } = await exchange(place, [request.slice(0, 300), request.slice(300)]);
  // uWebSockets issue 1776.
  const isUws = testDoor === "uws";
  assert.deepEqual(statuses.slice(0, 1), [isUws ? 505 : 200]);
  assert.equal(closed, isUws);
  await assertHonest();
});

test("what a chunk or a listener throws in a callback of uWebSockets is told and goes no further", () => {
  const told: unknown[] = [];
  const failures = { failed: (_: Response, error: unknown) => void told.push(error) };
  const route = {
    method: "POST",
    path: "/x",
    path_parameters_key: [],
    max_body_length: 1_000,
    streaming: {},
    app: { _options: {}, _resolve_pending_request: () => undefined },
    handle: () => undefined,
  } as unknown as Route;
  const nothing = (): string => "";
  const source = {
    getMethod: nothing,
    getCaseSensitiveMethod: nothing,
    getUrl: nothing,
    getQuery: nothing,
    getParameter: nothing,
    forEach: (each: (name: string, value: string) => void) => each("content-length", "1"),
  };
  const callbacks: { data?: (chunk: ArrayBuffer, isLast: boolean) => void; aborted?: () => void } = {};
  const raw = {
    onData: (data: (chunk: ArrayBuffer, isLast: boolean) => void) => Object.assign(callbacks, { data }),
    onAborted: (aborted: () => void) => Object.assign(callbacks, { aborted }),
    pause: () => undefined,
    resume: () => undefined,
  } as unknown as UwsRequest["_raw_response"];
  const request = new UwsRequest(route, source);
  request._raw_response = raw;
  const response = new UwsResponse(raw);
  Object.assign(response, { route, _wrapped_request: request, failures });
  request.failures = failures;
  request._body_parser_run(response, 1_000);
  request.buffer().catch(() => undefined);
  callbacks.data?.(new ArrayBuffer(5), true);
  assert.ok(told[0] instanceof RangeError, String(told[0]));
  response.once("abort", () => {
    throw new TypeError("a listener's defect");
  });
  callbacks.aborted?.();
  assert.ok(told[1] instanceof TypeError, String(told[1]));
});
