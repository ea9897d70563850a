// The rule for what goes over together: pure, so tested without threads.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CallQueue } from "../../runtime/sandbox/call-queue.js";
import { FunctionQueue, PendingCall } from "../../runtime/sandbox/pending-call.js";

function known(meanMs: number): FunctionQueue {
  const queue = new FunctionQueue();
  queue.observe(meanMs, false);
  return queue;
}

function calls(queue: FunctionQueue, count: number): PendingCall[] {
  return Array.from(
    { length: count },
    (_, index) =>
      new PendingCall({
        prepared: undefined as never,
        function: `f${index}`,
        invocation: "",
        message: ["", 0, "json", ""],
        queue,
        deadline: index,
        signal: undefined,
        cameAt: 0,
        resolve: () => undefined,
        reject: () => undefined,
      }),
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

test("a sweep removes what it is told to", () => {
  const queue = queueOf(calls(known(0.01), 4), calls(known(10), 4));
  queue.sweep(({ deadline }) => deadline < 3);
  assert.equal(queue.length, 2);
  queue.sweep(() => true);
  assert.deepEqual([queue.length, queue.take(take)], [0, []]);
});

test("a mean rises fast and falls slowly, and a cold call teaches nothing", () => {
  const queue = new FunctionQueue();
  queue.observe(5, true);
  assert.equal(queue.meanMs, undefined);
  queue.observe(0.01, false);
  queue.observe(10, false);
  assert.ok((queue.meanMs ?? 0) > 4 && queue.isLong);
  for (let round = 0; round < 100; round++) queue.observe(0.01, false);
  assert.ok(queue.isSmall);
  const slow = new FunctionQueue();
  slow.observe(100, true);
  assert.ok(slow.isLong && slow.meanMs === 100, "but one that is slow beyond starting does");
});
