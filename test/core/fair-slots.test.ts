// Slots that many keys share: one key's many do not make another key's few wait.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FairSlots, type FairSlotsOptions } from "../../src/core/fair-slots.js";

function setUp(options: Partial<FairSlotsOptions>) {
  let now = 0;
  const slots = new FairSlots({
    clock: { monotonic: () => now },
    running: 1,
    waiting: 100,
    refuse: (why) => new Error(why),
    ...options,
  });
  const began: string[] = [];
  const refused: string[] = [];
  const leaves = new Map<string, () => void>();
  /** Asks for a slot under a name `KEY` or `KEYnumber`. */
  const enter = (name: string, more: { signal?: AbortSignal; urgent?: boolean } = {}): void => {
    slots.enter(name.charAt(0), more).then(
      (leave) => {
        began.push(name);
        leaves.set(name, leave);
      },
      (error: Error) => refused.push(`${name} ${error.message}`),
    );
  };
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const end = async (name: string, afterMs = 1): Promise<void> => {
    now += afterMs;
    leaves.get(name)?.();
    leaves.get(name)?.();
    await settled();
  };
  return { slots, began, refused, enter, end, settled };
}

test("whoever comes with one thing waits for one of the greedy key's, not for all", async () => {
  const { began, enter, end, settled } = setUp({});
  for (let index = 0; index < 10; index++) enter(`a${index}`);
  await settled();
  enter("b");
  await end("a0", 100);
  assert.deepEqual(began, ["a0", "b"]);
  await end("b", 10);
  // It used less time so far.
  enter("b2");
  enter("c");
  await end("a1", 100);
  assert.deepEqual(began.slice(2, 4), ["a1", "b2"]);
  await end("b2");
  assert.deepEqual(began.slice(4), ["c"]);
});

test("a key holds its share of the slots at most, and goes on as soon as it gives one back", async () => {
  const { slots, began, enter, end, settled } = setUp({ running: 3, runningEach: 2 });
  for (const name of ["a1", "a2", "a3"]) enter(name);
  await settled();
  assert.deepEqual([began.length, slots.running, slots.waiting], [2, 2, 1]);
  enter("b");
  await settled();
  assert.deepEqual(began, ["a1", "a2", "b"]);
  await end("a1");
  assert.deepEqual(began.slice(3), ["a3"]);
  for (const name of ["a2", "a3", "b"]) await end(name);
  assert.deepEqual([slots.running, slots.waiting], [0, 0]);
});

test("when no more may wait, the key with the most gives way to one with few, and nobody else does", async () => {
  const { slots, refused, enter, settled } = setUp({ running: 1, waiting: 4 });
  for (let index = 0; index < 7; index++) enter(`a${index}`);
  await settled();
  assert.deepEqual(refused, ["a5 share", "a6 share"], "one runs, four wait");
  enter("b1");
  enter("b2");
  enter("b3");
  await settled();
  assert.deepEqual(refused.slice(2).sort(), ["a3 share", "a4 share", "b3 full"]);
  assert.equal(slots.waiting, 4);
});

test("a share of what waits is a bound of its own", async () => {
  const { refused, enter, settled } = setUp({ waitingEach: 2 });
  for (let index = 0; index < 4; index++) enter(`a${index}`);
  await settled();
  assert.deepEqual(refused, ["a3 share"], "one runs, two wait");
});

test("without waiting, each key takes half of what is free at most, so that a new one finds some", () => {
  const { slots } = setUp({ running: 8, waiting: 0 });
  const takes = (key: string): number => {
    for (let count = 0; ; count++) {
      try {
        slots.take(key);
      } catch (error) {
        assert.equal((error as Error).message, "share");
        return count;
      }
    }
  };
  assert.deepEqual([takes("a"), takes("b"), takes("c")], [4, 2, 1]);
  slots.take("d");
  assert.throws(() => slots.take("e"), /full/);
});

test("urgent ones go before others of their key; who leaves the queue is not served", async () => {
  const { slots, began, refused, enter, end, settled } = setUp({});
  const abort = new AbortController();
  enter("a0");
  await settled();
  enter("a1");
  enter("a2", { signal: abort.signal });
  enter("a3", { urgent: true });
  abort.abort(new Error("gone"));
  await settled();
  await end("a0");
  await end("a3");
  assert.deepEqual([began, refused], [["a0", "a3", "a1"], ["a2 gone"]]);
  enter("b");
  await settled();
  slots.rejectWaiting(new Error("over"));
  await settled();
  assert.deepEqual([refused.slice(1), slots.waiting], [["b over"], 0]);
});
