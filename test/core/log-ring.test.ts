// The ring of log records: bounded both ways, readable by app, followed by subscribers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogRecord, LogRing } from "../../src/core/log-ring.js";

function record(message: string, app?: string): LogRecord {
  return { at: 1, node: "n", level: "info", message, ...(app === undefined ? {} : { app }) };
}

const messages = (records: readonly LogRecord[]): string[] => records.map(({ message }) => message);

test("the oldest records leave when there are too many", () => {
  const ring = new LogRing({ maxRecords: 3 });
  for (let count = 0; count < 5_000; count++) ring.add(record(String(count)));
  assert.deepEqual(messages(ring.read()), ["4997", "4998", "4999"]);
});

test("the oldest records leave when they are too large together", () => {
  const ring = new LogRing({ maxBytes: 10_000 });
  for (const letter of "abcd") ring.add(record(letter.repeat(1_500)));
  assert.deepEqual(
    messages(ring.read()).map((message) => message[0]),
    ["b", "c", "d"],
  );
  ring.add(record("x".repeat(100_000)));
  assert.deepEqual(ring.read(), []);
});

test("reading takes one app's records, and the newest of them when limited, oldest first", () => {
  const ring = new LogRing();
  for (let count = 0; count < 6; count++) ring.add(record(String(count), count % 2 ? "odd" : "even"));
  assert.deepEqual(messages(ring.read({ app: "odd" })), ["1", "3", "5"]);
  assert.deepEqual(messages(ring.read({ app: "odd", limit: 2 })), ["3", "5"]);
  assert.deepEqual(messages(ring.read({ limit: 0 })), []);
  assert.deepEqual(ring.read({ app: "none" }), []);
});

test("a subscriber sees each record until it leaves", () => {
  const ring = new LogRing();
  const seen: string[] = [];
  const leave = ring.subscribe(({ message }) => seen.push(message));
  ring.add(record("a"));
  leave();
  leave();
  ring.add(record("b"));
  assert.deepEqual(seen, ["a"]);
});
