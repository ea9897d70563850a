// An end in order: whatever was accepted is answered whole before the port closes.

import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { answerOf, TestNode } from "../../harness/tls/test-node.js";

/**
 * Drains and stops as a node does, but gives nothing up: `whole` resolves only once no call is under way, and `over` is
 * true from then on.
 */
function end(node: TestNode): { over: boolean; readonly whole: Promise<void> } {
  const state = { over: false, whole: Promise.resolve() };
  state.whole = node.api.drain(new AbortController().signal).then(() => {
    state.over = true;
    // The server only: the test's client still has to read.
    node.api.stop();
  });
  return state;
}

async function underWay(node: TestNode, count: number): Promise<void> {
  for (let tries = 0; node.api.inFlight.size !== count && tries < 5_000; tries++) await sleep(5);
  assert.equal(node.api.inFlight.size, count);
}

test("a call whose body is half sent is answered", async () => {
  const node = await TestNode.start();
  await node.deploy("calc");
  const call = node.open("/fn/calc/echo", { method: "POST", headers: { "content-length": "5" } });
  const answer = answerOf(call);
  call.write("[1");
  await underWay(node, 1);
  const ending = end(node);
  await sleep(100);
  assert.equal(ending.over, false);
  call.end(",2]");
  assert.deepEqual((await answer).json(), { json: "[1,2]" });
  await ending.whole;
  await node.stop();
});

test("a client that left within its body is not waited for", async () => {
  const node = await TestNode.start();
  await node.deploy("calc");
  const call = node.open("/fn/calc/echo", { method: "POST", headers: { "content-length": "5" } });
  const answer = answerOf(call).catch(() => undefined);
  call.write("[1");
  await underWay(node, 1);
  const ending = end(node);
  call.destroy();
  await answer;
  await ending.whole;
  await node.stop();
});

test("a large result reaches a slow reader whole", async () => {
  const size = 24_000_000;
  const node = await TestNode.start({ limits: { argumentBytes: size + 10 } });
  await node.deploy("calc");
  const call = node.open("/fn/calc/echo", { method: "POST" });
  call.end(JSON.stringify("x".repeat(size)));
  const response = await new Promise<IncomingMessage>((resolve) => call.once("response", resolve));
  response.pause();
  const ending = end(node);
  await sleep(300);
  assert.equal(ending.over, false);
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  assert.ok(bytes > size, `${bytes} bytes`);
  await ending.whole;
  await node.stop();
});

test("a reader that goes away within a large result is not waited for", async () => {
  const size = 24_000_000;
  const node = await TestNode.start({ limits: { argumentBytes: size + 10 } });
  await node.deploy("calc");
  const call = node.open("/fn/calc/echo", { method: "POST" });
  call.end(JSON.stringify("x".repeat(size)));
  const response = await new Promise<IncomingMessage>((resolve) => call.once("response", resolve));
  response.on("error", () => undefined);
  response.pause();
  await underWay(node, 1);
  response.destroy();
  await underWay(node, 0);
  await end(node).whole;
  await node.stop();
});

test("an upload under way is answered", async () => {
  const node = await TestNode.start();
  let open: () => void = () => undefined;
  node.compiler.gate = new Promise((resolve) => {
    open = resolve;
  });
  const upload = node.deploy("calc");
  await underWay(node, 1);
  const ending = end(node);
  await sleep(50);
  assert.equal(ending.over, false);
  open();
  assert.equal((await upload).status, 201);
  await ending.whole;
  await node.stop();
});
