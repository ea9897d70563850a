// The arithmetic of membership: the time of a suspect, the health score, the count of transmissions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBuckets } from "../../../src/core/token-buckets.js";
import { Awareness } from "../../../src/mesh/membership/awareness.js";
import { BroadcastQueue, retransmitLimit } from "../../../src/mesh/membership/broadcast-queue.js";
import { LoopDelay } from "../../../src/mesh/membership/loop-delay.js";
import { defaultMembersConfig } from "../../../src/mesh/membership/members-config.js";
import {
  confirmationsExpected,
  Suspicion,
  suspicionLeftMs,
  suspicionMinMs,
} from "../../../src/mesh/membership/suspicion.js";
import { Ticker } from "../../../src/mesh/ticker.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";
import { VirtualTime } from "../../harness/virtual/virtual-time.js";

test("a suspect's time falls from the longest to the shortest with the logarithm of the confirmations", () => {
  // The table of memberlist's own test (suspicion_test.go), in milliseconds.
  const table: readonly [confirmations: number, expected: number, elapsedMs: number, leftMs: number][] = [
    [0, 3, 0, 30_000],
    [1, 3, 2_000, 14_000],
    [2, 3, 3_000, 4_810],
    [3, 3, 4_000, -2_000],
    [4, 3, 5_000, -3_000],
    [5, 3, 10_000, -8_000],
    [0, 0, 0, 2_000],
  ];
  for (const [confirmations, expected, elapsedMs, leftMs] of table) {
    const left = suspicionLeftMs({ confirmations, expected, elapsedMs, minMs: 2_000, maxMs: 30_000 });
    assert.equal(left, leftMs, `${confirmations} of ${expected} after ${elapsedMs} ms`);
  }
});

test("the shortest time grows with the logarithm of the mesh, and small meshes wait for no confirmation", () => {
  const minMs = (nodes: number): number => Math.round(suspicionMinMs(nodes, defaultMembersConfig));
  assert.deepEqual([1, 5, 10, 50, 100, 1_000].map(minMs), [4_000, 4_000, 4_000, 6_796, 8_000, 12_000]);
  assert.deepEqual(
    [1, 2, 3, 4, 10].map((nodes) => confirmationsExpected(nodes, 4)),
    [0, 0, 0, 2, 2],
  );
});

test("a suspicion expires latest with one accuser, sooner with each more, never when cancelled", async () => {
  const time = new VirtualTime();
  const expired: string[] = [];
  const suspicion = (name: string): Suspicion =>
    new Suspicion({
      from: "a",
      expected: 2,
      minMs: 1_000,
      maxMs: 6_000,
      clock: time,
      timers: time,
      expired: () => expired.push(`${name} ${time.monotonic()}`),
    });
  suspicion("alone");
  suspicion("cancelled").cancel();
  const confirmed = suspicion("confirmed");
  await time.advance(500);
  assert.equal(confirmed.confirm("a"), false, "the first accuser again");
  assert.equal(confirmed.confirm("b"), true);
  assert.equal(confirmed.confirm("b"), false);
  assert.equal(confirmed.confirm("c"), true);
  assert.equal(confirmed.confirm("d"), false, "more than are expected");
  await time.advance(10_000);
  assert.deepEqual(expired, ["confirmed 1000", "alone 6000"]);
});

test("the health score stays within its bounds and stretches times", () => {
  const health = new Awareness(8);
  assert.equal(health.scale(500), 500);
  health.add(-1);
  assert.equal(health.score, 0);
  health.add(3);
  assert.equal(health.scale(500), 2_000);
  health.add(100);
  assert.equal(health.score, 7);
});

test("an update is sent a bounded number of times, least sent first, and replaces older ones of its subject", () => {
  assert.deepEqual(
    [1, 9, 10, 99, 100].map((nodes) => retransmitLimit(nodes, 4)),
    [4, 4, 8, 8, 12],
  );
  const queue = new BroadcastQueue<string>();
  queue.add("x", "x alive");
  queue.add("y", "y alive");
  assert.deepEqual(queue.take(1, 2), ["y alive"]);
  assert.deepEqual(queue.take(1, 2), ["x alive"]);
  queue.add("x", "x suspect by a", { by: "a" });
  queue.add("x", "x suspect by b", { by: "b" });
  queue.add("x", "x suspect by a again", { by: "a" });
  assert.deepEqual(queue.take(9, 2), ["x suspect by a again", "x suspect by b", "x alive", "y alive"]);
  assert.deepEqual(queue.take(9, 2), ["x suspect by a again", "x suspect by b"]);
  assert.ok(queue.empty, "the queue holds something");
  queue.add("x", "x suspect by a", { by: "a" });
  queue.add("x", "x dead");
  assert.deepEqual(queue.take(9, 2), ["x dead"]);
});

test("a token bucket empties and fills again, for each peer apart", () => {
  const clock = new ManualClock();
  const budget = new TokenBuckets({ clock, burst: 3, perSecond: 2 });
  assert.deepEqual(
    [1, 2, 3, 4].map(() => budget.take("a")),
    [true, true, true, false],
  );
  assert.equal(budget.has("a"), false);
  assert.equal(budget.take("b"), true);
  clock.advance(500);
  assert.equal(budget.take("a"), true);
  assert.equal(budget.take("a"), false);
  clock.advance(60_000);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => budget.take("a")),
    [true, true, true, false],
  );
});

test("the event loop's delay is the longest since the last call", async () => {
  const delay = new LoopDelay();
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(delay.takeMs(), 0);
  delay.start();
  delay.start();
  await turn();
  delay.takeMs();
  const until = performance.now() + 300;
  while (performance.now() < until);
  await turn();
  const heldUpMs = delay.takeMs();
  assert.ok(heldUpMs >= 200, `${heldUpMs} ms`);
  delay.stop();
  delay.stop();
  assert.equal(delay.takeMs(), 0);
});

test("a ticker stopped and started amid a run ticks once per interval, and survives a failed run", async () => {
  const time = new VirtualTime();
  let runs = 0;
  const ticker = new Ticker({
    name: "test",
    intervalMs: () => 100,
    clock: time,
    timers: time,
    random: () => 0.5,
    run: async () => {
      runs += 1;
      if (runs === 1) throw new Error("once");
      await new Promise<void>((resolve) => time.after(30, resolve));
    },
  });
  ticker.start();
  ticker.start();
  await time.advance(60);
  assert.equal(runs, 1);
  await time.advance(100);
  assert.equal(runs, 2);
  ticker.stop();
  ticker.start();
  await time.advance(1_000);
  assert.ok(runs >= 11 && runs <= 13, `${runs} runs`);
  ticker.stop();
  ticker.stop();
  const before = runs;
  await time.advance(1_000);
  assert.equal(runs, before);
});
