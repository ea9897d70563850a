// Streams of logs and of events: each costs work at everything that is told, so that one token cannot open them without
// end.

import assert from "node:assert/strict";
import type { ClientRequest, IncomingMessage } from "node:http";
import { after, before, test } from "node:test";
import { createToken } from "../../src/api/tokens.js";
import { TestNode } from "../harness/tls/test-node.js";

let node: TestNode;
const opened: ClientRequest[] = [];
before(async () => {
  node = await TestNode.start();
});
after(async () => {
  for (const stream of opened) stream.destroy();
  await node.stop();
});

/** Opens a stream whose reader stalls; its status. */
async function open(path: string, token: string): Promise<number | undefined> {
  const stream = node.open(path, { token });
  opened.push(stream);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    stream.once("response", resolve).once("error", reject).end();
  });
  stream.on("error", () => undefined);
  response.on("error", () => undefined).pause();
  return response.statusCode;
}

async function openMany(count: number, paths: readonly string[], token: string): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const status = String(await open(paths[index % paths.length] ?? "", token));
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  return statuses;
}

async function anAdmin(): Promise<string> {
  return (await node.call(createToken, { body: { role: "admin" } })).json.token;
}

test("a token has its share of log and event streams; another finds room, and a stream's end makes room", async () => {
  const paths = ["/v1/logs?follow=true", "/v1/events", "/v1/events?figures=true"];
  assert.deepEqual(await openMany(80, paths, await anAdmin()), { 200: 32, 429: 48 });
  const other = await anAdmin();
  assert.deepEqual(await openMany(4, paths, other), { 200: 4 });
  for (const stream of opened) stream.destroy();
  // Beside the others' 32, it could have 16.
  let own = 4;
  for (const end = performance.now() + 20_000; own < 25; own += (await open("/v1/events", other)) === 200 ? 1 : 0) {
    assert.ok(performance.now() < end, `no room came free: ${own}`);
  }
});

test("an array of logs is no stream: it is answered whatever is open", async () => {
  assert.equal((await node.ask("/v1/logs")).status, 200);
});
