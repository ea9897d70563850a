// Parts start in order, stop in reverse, and one that fails does not keep the others up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Lifecycle, type Part } from "../../src/core/lifecycle.js";

function parts(events: string[], broken: { start?: string; stop?: readonly string[] } = {}): Part[] {
  return ["a", "b", "c"].map((name) => ({
    name,
    async start() {
      events.push(`+${name}`);
      if (broken.start === name) throw new Error(`no ${name}`);
    },
    async stop() {
      events.push(`-${name}`);
      if (broken.stop?.includes(name)) throw new Error(`stuck ${name}`);
    },
  }));
}

test("parts start in order and stop in reverse, once, however often they are asked", async () => {
  const events: string[] = [];
  const lifecycle = new Lifecycle(parts(events));
  await Promise.all([lifecycle.start(), lifecycle.start()]);
  await Promise.all([lifecycle.stop(), lifecycle.stop()]);
  await lifecycle.stop();
  assert.deepEqual(events, ["+a", "+b", "+c", "-c", "-b", "-a"]);
});

test("a part that fails to start is stopped with those before it, and its own error is thrown", async () => {
  const events: string[] = [];
  const lifecycle = new Lifecycle(parts(events, { start: "b" }));
  await assert.rejects(lifecycle.start(), { message: "no b" });
  assert.deepEqual(events, ["+a", "+b", "-b", "-a"]);
  await lifecycle.stop();
  assert.equal(events.length, 4);
});

test("a failing stop is added to a failing start, whose error stays the cause", async () => {
  const lifecycle = new Lifecycle(parts([], { start: "b", stop: ["a"] }));
  await assert.rejects(lifecycle.start(), (error: AggregateError) => {
    assert.equal(error.message, "b did not start: no b");
    assert.equal((error.cause as Error).message, "no b");
    assert.equal(error.errors.length, 2);
    return true;
  });
});

test("every part is stopped even when some fail, and all failures are told", async () => {
  const events: string[] = [];
  const lifecycle = new Lifecycle(parts(events, { stop: ["a", "c"] }));
  await lifecycle.start();
  await assert.rejects(lifecycle.stop(), { message: "c did not stop: stuck c; a did not stop: stuck a" });
  assert.deepEqual(events.slice(3), ["-c", "-b", "-a"]);
});

test("a stop during the start ends it after the part that is starting", async () => {
  const events: string[] = [];
  let proceed = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  const [a, b, c] = parts(events);
  assert.ok(a && b && c, "no a, or no b, or no c");
  const lifecycle = new Lifecycle([a, { ...b, start: () => gate }, c]);
  const started = lifecycle.start();
  const stopped = lifecycle.stop();
  proceed();
  await assert.rejects(started, /stopped before/);
  await stopped;
  assert.ok(!events.includes("+c"), `${events}`);
  assert.deepEqual(events.slice(-1), ["-a"]);
});

test("a lifecycle that never started stops nothing", async () => {
  const events: string[] = [];
  const lifecycle = new Lifecycle(parts(events));
  await lifecycle.stop();
  await assert.rejects(lifecycle.start());
  assert.deepEqual(events, []);
});
