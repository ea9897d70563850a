// Clients that take their time: each thing that a client can draw out has a bound, and where an answer is possible it
// is told so.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Transfer, Transfers } from "../../src/server/connections/transfers.js";
import { sendPaced } from "../../src/server/door/uws/paced-result.js";
import { TestNode } from "../harness/tls/test-node.js";
import { ManualClock } from "../harness/virtual/manual-clock.js";
import { type Place, RawClient } from "./raw-client.js";

const kibibyte = 1_024;

let node: TestNode;
let place: Place;

before(async () => {
  node = await TestNode.start();
  await node.deploy("slow");
  await node.ask("/v1/apps/slow?public=true", {
    method: "PUT",
    body: "public",
    headers: { "content-type": "text/plain" },
  });
  place = { port: Number(new URL(node.api.url).port), ca: node.root };
});

after(() => node.stop());

const head = (method: string, path: string, more: string): string =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${node.admin}\r\n` +
  `Content-Type: text/plain\r\n${more}\r\n`;

test("a body that stalls, drips or never begins is answered 408 within 8 s, and its connection ends", async () => {
  const announced = "Content-Length: 5000000\r\n";
  const clients = {
    "ten bytes of five million": (await RawClient.open(place)).drip(
      head("POST", "/fn/slow/echo", announced),
      "",
      10_000,
    ),
    "a byte now and then": (await RawClient.open(place)).drip(head("POST", "/fn/slow/echo", announced), "x", 100),
    "less than the floor": (await RawClient.open(place)).drip(
      head("POST", "/fn/slow/echo", announced),
      "x".repeat(1_000),
      100,
    ),
    "a small body's last byte": (await RawClient.open(place)).drip(
      `${head("POST", "/fn/slow/echo", "Content-Length: 3\r\n")}"a`,
      "",
    ),
    "chunks that never begin": (await RawClient.open(place)).drip(
      head("POST", "/fn/slow/echo", "Transfer-Encoding: chunked\r\n"),
      "",
    ),
    "chunks of a byte": (await RawClient.open(place)).drip(
      head("POST", "/fn/slow/echo", "Transfer-Encoding: chunked\r\n"),
      "1\r\nx\r\n",
    ),
    "an upload": (await RawClient.open(place)).drip(
      head("PUT", "/v1/apps/late", announced.replace("5000000", "500000")),
      "x",
    ),
    "a token's wishes": (await RawClient.open(place)).drip(
      `${head("POST", "/v1/tokens", "Content-Length: 100\r\n")}{`,
      " ",
    ),
  };
  for (const [what, client] of Object.entries(clients)) {
    const ms = await client.ended;
    assert.match(client.text, /^HTTP\/1\.1 408 Request Timeout\r\n/, `${what}: ${client.text.slice(0, 300)}`);
    assert.match(client.text, /"code":"request\.timeout"/, what);
    assert.match(client.text, /\r\nconnection: close\r\n/i, what);
    assert.ok(ms < 12_000, `${what} took ${ms} ms`);
  }
  assert.equal(clients["a token's wishes"].text.match(/HTTP\/1\.1/g)?.length, 1);
  // Nothing of them is left under way: an end in order would wait for it.
  assert.equal(node.api.inFlight.size, 0);
});

test("a body that comes slowly, yet above the floor, is taken", async () => {
  const size = 400 * kibibyte;
  const client = await RawClient.open(place);
  client.socket.write(head("POST", "/fn/slow/echo", `Content-Length: ${size + 2}\r\nConnection: close\r\n`));
  client.socket.write('"');
  // 40 KiB a second, for 10 s.
  for (let sent = 0; sent < size; sent += 20 * kibibyte) {
    client.socket.write("x".repeat(20 * kibibyte));
    await sleep(500);
  }
  client.socket.write('"');
  await client.ended;
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
});

test("silence, a handshake or a header that is never finished ends the connection within 14 s", async () => {
  const clients = {
    silence: RawClient.overTcp(place),
    "a handshake of a byte now and then": RawClient.overTcp(place).drip("\x16\x03\x01", "\x02"),
    "silence after the handshake": await RawClient.open(place),
    "a header of a byte now and then": (await RawClient.open(place)).drip(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
      "a",
    ),
    "a second header of a byte now and then": (await RawClient.open(place)).drip(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nX-Slow: ",
      "a",
    ),
  };
  for (const [what, { ended }] of Object.entries(clients)) {
    const ms = await ended;
    assert.ok(ms < 16_000, `${what} took ${ms} ms`);
  }
});

test("every kind of answer reports the keep-alive timeout, and an idle connection ends after it", async () => {
  const client = await RawClient.open(place);
  client.socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const idleMs = await client.ended;
  const told = Number(/\r\nkeep-alive: timeout=([0-9]+)\r\n/i.exec(client.text)?.[1]);
  assert.ok(told > 0, client.text);
  // The connection's own set-up stands in the time.
  assert.ok(idleMs >= told * 1_000 && idleMs < told * 1_000 + 8_000, `told ${told} s, kept ${idleMs} ms`);
  for (const [path, question] of [
    ["/fn/slow/echo", { method: "POST", body: '"a"' }],
    ["/fn/slow/nothing", { method: "POST", body: "{}" }],
    ["/fn/slow/echo", { method: "POST", body: JSON.stringify("x".repeat(200_000)) }],
    ["/healthz", { method: "HEAD" }],
    ["/absent", {}],
    ["/v1/apps", {}],
  ] as const) {
    const { headers } = await node.ask(path, question);
    assert.equal(headers["keep-alive"], `timeout=${told}`, path);
  }
  const last = await node.ask("/healthz", { headers: { connection: "close" } });
  assert.equal(last.headers["keep-alive"], undefined);
});

test("a reader that takes a large result a little at a time loses its connection", () => {
  const clock = new ManualClock();
  const transfers = new Transfers(clock);
  let [closed, passed] = [0, 0];
  let onWritable = (_offset: number): boolean => true;
  const raw = {
    writeHeader: () => raw,
    tryEnd: () => [false, false],
    getWriteOffset: () => passed,
    onWritable: (handler: typeof onWritable) => {
      onWritable = handler;
    },
  };
  const context = { isCompleted: false, close: () => (closed += 1), onGone: () => undefined };
  sendPaced(context, {
    raw: raw as never,
    transfers,
    body: Buffer.alloc(6 * 1_024 * kibibyte),
    done: () => undefined,
    sent: () => undefined,
  });
  // What keeps uWebSockets' own timer from firing: a kilobyte of room each second.
  for (let second = 0; second < 5; second++) {
    assert.equal(closed, 0);
    clock.advance(1_000);
    passed += kibibyte;
    onWritable(passed);
    transfers.look();
  }
  assert.equal(closed, 1);
  assert.equal(transfers.size, 0);
});

function watched(size: number | undefined) {
  const clock = new ManualClock();
  const transfers = new Transfers(clock);
  const state = { bytes: 0, isOver: false, late: 0 };
  const transfer: Transfer = {
    bytes: () => state.bytes,
    size,
    isOver: () => state.isOver,
    late: () => {
      state.late += 1;
    },
  };
  transfers.watch(transfer);
  /** Seconds in which so many bytes pass. */
  const pass = (seconds: number, bytes: number): void => {
    for (let second = 0; second < seconds && state.late === 0; second++) {
      clock.advance(1_000);
      state.bytes += bytes;
      transfers.look();
    }
  };
  return { clock, transfers, state, pass };
}

test("a transfer below the floor is late after five seconds, one above it goes on", () => {
  const slow = watched(6 * 1_024 * kibibyte);
  slow.pass(4, 15 * kibibyte);
  assert.equal(slow.state.late, 0);
  slow.pass(1, 15 * kibibyte);
  assert.equal(slow.state.late, 1);
  assert.equal(slow.transfers.size, 0);
  const steady = watched(6 * 1_024 * kibibyte);
  steady.pass(59, 17 * kibibyte);
  assert.equal(steady.state.late, 0);
  steady.pass(5, 0);
  assert.equal(steady.state.late, 1, "what it sent before counts for nothing");
});

test("a transfer above the floor ends after a minute and a second for each 64 KiB of it", () => {
  for (const size of [6 * 1_024 * kibibyte, undefined]) {
    const { state, pass, clock } = watched(size);
    const before = clock.monotonic();
    pass(600, 20 * kibibyte);
    assert.equal(state.late, 1);
    const seconds = (clock.monotonic() - before) / 1_000;
    assert.ok(seconds >= 60 && seconds <= 160, `${seconds} s`);
  }
});

test("what has ended is watched no more, and is not late", () => {
  const { transfers, state, pass } = watched(100);
  state.isOver = true;
  pass(1, 0);
  assert.equal(transfers.size, 0);
  pass(10, 0);
  assert.equal(state.late, 0);
});
