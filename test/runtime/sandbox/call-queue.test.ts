// The rule for batches: pure, so tested without threads.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bodySize } from "../../../runtime/sandbox/pool/call-intake.js";
import { CallQueue } from "../../../runtime/sandbox/pool/call-queue.js";
import { FunctionQueue, type PendingCall } from "../../../runtime/sandbox/pool/pending-call.js";
import { pendingCall } from "./pending-calls.js";

const cold = { awayMs: 0, cold: true };
const warm = { awayMs: 0, cold: false };

function known(meanMs: number): FunctionQueue {
  const queue = new FunctionQueue();
  queue.observe(meanMs, warm);
  return queue;
}

function calls(queue: FunctionQueue, count: number, { revision = "r", body = "" } = {}): PendingCall[] {
  return Array.from({ length: count }, (_, index) =>
    pendingCall(queue, { revision, name: `f${index}`, body, deadline: index }),
  );
}

function queueOf(...groups: readonly PendingCall[][]): CallQueue {
  const queue = new CallQueue();
  for (const call of groups.flat()) queue.push(call);
  return queue;
}

const take = { longAllowed: true, workers: 1 };

test("small calls travel together up to 64, and in their order", () => {
  const all = calls(known(0.005), 100);
  const queue = queueOf(all);
  assert.deepEqual(queue.take(take), all.slice(0, 64));
  assert.deepEqual(queue.take(take), all.slice(64));
  assert.deepEqual([queue.take(take), queue.length], [[], 0]);
});

test("a batch ends at its budget of time", () => {
  const batch = queueOf(calls(known(0.2), 10)).take(take);
  assert.equal(batch.length, 4);
});

test("an unknown or slow function travels alone", () => {
  assert.equal(queueOf(calls(new FunctionQueue(), 5)).take(take).length, 1);
  assert.equal(queueOf(calls(known(0.3), 5)).take(take).length, 1);
  assert.equal(queueOf(calls(known(50), 5)).take(take).length, 1);
});

test("free workers share what waits", () => {
  assert.equal(queueOf(calls(known(0.005), 10)).take({ ...take, workers: 3 }).length, 4);
});

test("functions are served in turns, small ones of several together", () => {
  const [slow, fast, other] = [calls(known(10), 3), calls(known(0.01), 3), calls(known(0.01), 3)];
  const queue = queueOf(slow, fast, other);
  assert.deepEqual(queue.take(take), slow.slice(0, 1));
  assert.deepEqual(queue.take(take), [...fast, ...other]);
  assert.deepEqual(queue.take(take), slow.slice(1, 2));
});

test("while long calls are not allowed, only they wait", () => {
  const [slow, unknown, fast] = [calls(known(10), 3), calls(new FunctionQueue(), 1), calls(known(0.01), 2)];
  const queue = queueOf(slow, unknown, fast);
  assert.deepEqual(queue.take({ ...take, longAllowed: false }), fast);
  assert.deepEqual(queue.take({ ...take, longAllowed: false }), []);
  assert.equal(queue.length, 4);
});

test("what is put back comes first, in its order", () => {
  const all = calls(known(0.01), 6);
  const queue = queueOf(all);
  const batch = queue.take(take);
  for (const call of calls(known(0.01), 1)) queue.push(call);
  queue.putBack(batch);
  assert.deepEqual(queue.take(take).slice(0, 6), all);
});

test("what is to be removed is removed, and returned", () => {
  const queue = queueOf(calls(known(0.01), 4), calls(known(10), 4));
  assert.equal(queue.remove(({ deadline }) => deadline < 3).length, 6);
  assert.equal(queue.length, 2);
  assert.equal(queue.remove(() => true).length, 2);
  assert.deepEqual([queue.length, queue.take(take)], [0, []]);
});

test("a mean rises fast and falls slowly, and a cold call teaches nothing", () => {
  const queue = new FunctionQueue();
  queue.observe(5, cold);
  assert.equal(queue.meanMs, undefined);
  queue.observe(0.01, warm);
  queue.observe(10, warm);
  assert.ok((queue.meanMs ?? 0) > 4 && queue.isLong, `${queue.meanMs} ms`);
  for (let round = 0; round < 100; round++) queue.observe(0.01, warm);
  assert.ok(queue.isSmall, `${queue.meanMs} ms`);
  const slow = new FunctionQueue();
  slow.observe(1_000, cold);
  assert.ok(slow.isLong && slow.meanMs === 1_000, "but one that is slow beyond starting does");
});

test("a call is charged a share of its worker's time that grows with the usual length of its function's calls", () => {
  const charged = (means: readonly number[], runMs: number, isCold = false): number | undefined => {
    const queue = new FunctionQueue();
    for (const mean of means) queue.observe(mean, warm);
    return queue.observe(runMs, { awayMs: runMs + 8, cold: isCold });
  };
  for (const [means, runMs, serviceMs] of [
    [[10], 10, 18],
    [[], 2, 10],
    [[1], 1, 5],
    // A run that was held up itself allows little conclusion about its function.
    [[0.1, 0.1], 0.3, 0.3],
    [[0.9], 0.9, 0.9 + 8 * 0.45],
    [[20], 0.1, 0.1 + 8 * 0.05],
    [[0.01], 0.01, 0.01],
  ] as const) {
    const found = charged(means, runMs) ?? Number.NaN;
    assert.ok(Math.abs(found - serviceMs) < 1e-9, `${means} then ${runMs}: ${found}, not ${serviceMs}`);
  }
  assert.equal(new FunctionQueue().observe(5, { awayMs: 4, cold: false }), 5, "never less than its run");
  assert.equal(charged([], 5, true), undefined, "the first call in a thread says nothing of others");
});

test("where bytes are short, the function with the most bytes gives way, and not the one with the most calls", () => {
  const many = calls(known(0.005), 20, { revision: "greedy" });
  const large = calls(known(0.005), 2, { revision: "greedy", body: "x".repeat(1_000) });
  const queue = queueOf(many, large);
  assert.equal(queue.giveWay("other", { weigh: bodySize, added: 10 }), large[1]);
  assert.equal(queue.giveWay("other", { weigh: () => 1, added: 1 }), many[19]);
  assert.equal(queue.giveWay("greedy", { weigh: () => 1, added: 1 }), undefined);
  assert.equal(queue.length, 20);
});
