// When a node warms its compiler up: in quiet moments, step by step, until nothing is left to warm.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WarmCompiler } from "../../src/deploy/warm-compiler.js";
import { VirtualTime } from "../harness/virtual/virtual-time.js";

/** A compiler that is warm after three steps, each of which takes a second. */
function setUp({ isOn = true }: { isOn?: boolean } = {}) {
  const time = new VirtualTime();
  const log: string[] = [];
  const state = { isBusy: false, steps: 3 };
  const compiler = {
    start: () => void log.push("start"),
    warmUp: async () => {
      log.push(`step at ${time.monotonic()}`);
      await new Promise<void>((resolve) => time.after(1_000, resolve));
      return --state.steps > 0;
    },
  };
  const warm = new WarmCompiler({ compiler, isOn, isBusy: () => state.isBusy, timers: time });
  return { time, log, state, warm };
}

test("a quiet node takes one step after the other, then looks now and then", async () => {
  const { time, log, warm } = setUp();
  warm.start();
  warm.start();
  await time.advance(900);
  assert.deepEqual(log, []);
  await time.advance(6_000);
  assert.deepEqual(log, ["start", "step at 1000", "step at 3000", "step at 5000"]);
  await time.advance(60_000);
  assert.ok(log.length > 6 && log.length < 12, log.join("; "));
  assert.equal(log.filter((one) => one === "start").length, 1);
});

test("a node that is busy takes no step, and a short pause between calls is not quiet", async () => {
  const { time, log, state, warm } = setUp();
  warm.start();
  for (let second = 0; second < 20; second++) {
    state.isBusy = true;
    await time.advance(600);
    state.isBusy = false;
    await time.advance(400);
  }
  assert.deepEqual(log, []);
  await time.advance(3_000);
  assert.ok(log.length >= 2, log.join("; "));
});

test("a node that may not deploy starts no compiler, and one that stopped takes no further step", async () => {
  const off = setUp({ isOn: false });
  off.warm.start();
  await off.time.advance(60_000);
  assert.deepEqual(off.log, []);

  const { time, log, warm } = setUp();
  warm.start();
  await time.advance(1_500);
  warm.stop();
  warm.start();
  await time.advance(60_000);
  assert.deepEqual(log, ["start", "step at 1000"]);
});
