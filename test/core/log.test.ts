// The node's log: JSON lines, the same records in the ring, causes without secrets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../src/core/errors.js";
import { createLogger } from "../../src/core/log.js";
import { LogRing } from "../../src/core/log-ring.js";
import { ManualClock } from "../harness/virtual/manual-clock.js";

function logger(level?: "debug" | "silent") {
  const lines: string[] = [];
  const ring = new LogRing();
  const stream = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ node: "n1", clock: new ManualClock(0), ring, stream, ...(level ? { level } : {}) });
  return { log, ring, lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test("a line carries level, time, node, message and its fields", () => {
  const { log, lines, ring } = logger();
  log.info("ready", { port: 1 });
  assert.deepEqual(lines(), [{ level: "info", at: "1970-01-01T00:00:00.000Z", node: "n1", port: 1, message: "ready" }]);
  assert.deepEqual(ring.read(), [{ at: 0, node: "n1", level: "info", message: "ready" }]);
});

test("a cause is written with its stack, and its message goes to the ring", () => {
  const { log, lines, ring } = logger();
  log.error("failed", { cause: new Error("outer", { cause: new Error("inner") }) });
  const cause = lines()[0]?.cause as { message: string; stack: string };
  assert.match(cause.stack, /outer[\s\S]*inner/);
  assert.equal(ring.read()[0]?.message, "failed: outer");
});

test("a cause that the contract names has its code and no stack, unless something else caused it", () => {
  const { log, lines, ring } = logger();
  log.warn("not yet", { cause: new HerdError("node.overloaded", "no node gives it", { retryAfterSeconds: 1 }) });
  log.warn("not yet", { cause: new HerdError("node.overloaded", "outer", { cause: new Error("inner") }) });
  log.warn("not yet", { cause: new HerdError("internal", "a defect") });
  const [named, caused, defect] = lines().map(({ cause }) => cause as { stack?: string });
  assert.deepEqual(named, { code: "node.overloaded", detail: "no node gives it", retryAfterSeconds: 1 });
  assert.match(caused?.stack ?? "", /outer[\s\S]*inner/);
  assert.match(defect?.stack ?? "", /a defect/);
  assert.equal(ring.read()[0]?.message, "not yet: no node gives it");
});

test("lines below the level are not written, and debug lines stay out of the ring", () => {
  const quiet = logger();
  quiet.log.debug("detail");
  assert.deepEqual(quiet.lines(), []);
  const verbose = logger("debug");
  verbose.log.debug("detail");
  assert.equal(verbose.lines().length, 1);
  assert.deepEqual([...quiet.ring.read(), ...verbose.ring.read()], []);
});

test("a token never reaches a line", () => {
  const { log, lines } = logger();
  log.warn("refused", { token: "secret", request: { authorization: "Bearer secret" } });
  assert.doesNotMatch(JSON.stringify(lines()), /secret/);
});

test("a silent logger writes nothing and still keeps the records", () => {
  const { log, lines, ring } = logger("silent");
  log.error("failed");
  assert.deepEqual(lines(), []);
  assert.equal(ring.read().length, 1);
});
