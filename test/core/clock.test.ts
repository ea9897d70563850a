// The machine's clock, and the one that tests hold.

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/core/clock.js";
import { ManualClock } from "../harness/virtual/manual-clock.js";

test("the system clock counts milliseconds since the epoch, and its monotonic side never goes back", () => {
  const [before, now, after] = [Date.now(), systemClock.now(), Date.now()];
  assert.ok(before <= now && now <= after, `${before}, ${now}, ${after}`);
  let last = systemClock.monotonic();
  for (let count = 0; count < 1_000; count++) {
    const next = systemClock.monotonic();
    assert.ok(next >= last, `${next}, ${last}`);
    last = next;
  }
});

test("a manual clock moves only when told, and a jump leaves its monotonic side alone", () => {
  const clock = new ManualClock(1_000);
  clock.advance(5);
  assert.deepEqual([clock.now(), clock.monotonic()], [1_005, 5]);
  clock.set(10);
  assert.deepEqual([clock.now(), clock.monotonic()], [10, 5]);
});
