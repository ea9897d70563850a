// The profiler on simulated machines: its estimates, when it stops, and disturbances that it must withstand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { kernels, ratePerWorker } from "../../src/capacity/capacity.js";
import { capacityOf, isSure, type Profile, type ProfileLength, readProfile } from "../../src/capacity/profile.js";
import { measureProfile } from "../../src/capacity/profiler.js";
import { type FakeMachine, FakeRunner } from "./fake-runner.js";

async function profiled(
  machine: FakeMachine,
  { length = "full", budgetMs }: { length?: ProfileLength; budgetMs?: number } = {},
): Promise<{ profile: Profile; runner: FakeRunner; progress: number[] }> {
  const runner = new FakeRunner(machine);
  const progress: number[] = [];
  const clock = { now: () => 1_000, monotonic: () => runner.now };
  const onProgress = (done: number): void => void progress.push(done);
  const profile = await measureProfile({ runner, clock, fingerprint: "test", length, budgetMs, onProgress });
  return { profile, runner, progress };
}

function near(actual: number, expected: number, share = 0.02): void {
  assert.ok(Math.abs(actual / expected - 1) <= share, `${actual} is not within ${share * 100} % of ${expected}`);
}

test("the reference machine makes 1,000 units a second on one worker, in each kernel", async () => {
  const { profile } = await profiled({ workers: 1 });
  for (const kernel of kernels) near(profile.kernels[kernel].one.unitsPerSecond, 1_000);
  near(profile.overall.all.unitsPerSecond, 1_000);
  near(ratePerWorker(capacityOf(profile)), 1);
});

test("rates of kernels, of one worker and of all together are told apart", async () => {
  const speed = { integer: 2, memory: 0.5, matrix: 8 };
  const { profile } = await profiled({ workers: 4, speed, together: 0.75, setUpMs: 3 });
  near(profile.kernels.integer.one.unitsPerSecond, 2_000);
  near(profile.kernels.integer.all.unitsPerSecond, 2_000 * 4 * 0.75);
  near(profile.kernels.memory.one.unitsPerSecond, 500);
  near(profile.overall.one.unitsPerSecond, 1_000 * 8 ** (1 / 6));
  near(profile.overall.all.unitsPerSecond, 3_000 * 8 ** (1 / 6));
  const { workers, overall, kernels: each } = capacityOf(profile);
  assert.equal(workers, 4);
  near(overall, profile.overall.all.unitsPerSecond, 0.001);
  near(each.matrix, 8_000 * 3);
});

test("workers that wait for a core do not count as if they had one", async () => {
  const { profile } = await profiled({ workers: 2, cores: 1 });
  const scaling = profile.overall.all.unitsPerSecond / profile.overall.one.unitsPerSecond;
  // The first of two calls that start together seems to have the machine for itself.
  assert.ok(scaling < 1.6, `${scaling}`);
});

test("calls before the optimizing compiler has finished do not count", async () => {
  const { profile } = await profiled({ workers: 2, slowCalls: 12 }, { length: "short" });
  near(profile.overall.one.unitsPerSecond, 1_000);
});

test("a steady machine is measured soon; an unsteady one takes the whole budget and has a wide spread", async () => {
  const steady = await profiled({ workers: 2, noise: (random) => 1 + random / 100 });
  assert.ok(steady.runner.now < 8_000, `${steady.runner.now} ms`);
  assert.ok(steady.profile.overall.all.spread < 0.015, `${steady.profile.overall.all.spread}`);
  const wild = await profiled({ workers: 2, noise: (random) => 1 + 2 * random });
  assert.ok(wild.runner.now >= 15_000 && wild.runner.now < 17_000, `${wild.runner.now} ms`);
  assert.ok(
    wild.profile.overall.all.spread > steady.profile.overall.all.spread * 4,
    `${wild.profile.overall.all.spread}, ${steady.profile.overall.all.spread * 4}`,
  );
  for (const { progress } of [steady, wild]) {
    assert.ok(
      progress.every((done, index) => done >= (progress[index - 1] ?? 0) && done <= 1),
      JSON.stringify(progress),
    );
  }
});

test("a short profile takes a second at most, and also measures machines that are too slow for that", async () => {
  const fast = await profiled({ workers: 2, noise: (random) => 1 + random }, { length: "short" });
  assert.ok(fast.runner.now <= 1_200, `${fast.runner.now} ms`);
  assert.ok(fast.runner.fewestCalls > 10, `${fast.runner.fewestCalls}`);
  const speed = Object.fromEntries(kernels.map((kernel) => [kernel, 0.001]));
  const slow = await profiled({ workers: 2, speed }, { length: "short", budgetMs: 50 });
  near(slow.profile.overall.one.unitsPerSecond, 1);
});

test("calls too short to time do not make the samples too long", async () => {
  const { runner, profile } = await profiled({ workers: 2, setUpMs: 0.05, jitterMs: 0.1 }, { length: "short" });
  assert.ok(runner.longestMs <= 8, `${runner.longestMs} ms`);
  near(profile.overall.one.unitsPerSecond, 1_000, 0.05);
});

test("a short profile takes two seconds of a worker at most, on slow and busy machines too", async () => {
  const slow = Object.fromEntries(kernels.map((kernel) => [kernel, 0.05]));
  for (const machine of [
    { workers: 4, speed: slow },
    { workers: 64, noise: (random: number) => 1 + 5 * random },
    { workers: 8, cores: 2, setUpMs: 5 },
    { workers: 2, speed: slow, slowCalls: 10, noise: (random: number) => (random < 0.1 ? 20 : 1) },
  ]) {
    const { runner, profile } = await profiled(machine, { length: "short" });
    assert.ok(runner.busiestMs <= 2_000, `${runner.busiestMs} ms with ${JSON.stringify(machine)}`);
    assert.ok(profile.overall.one.unitsPerSecond > 0, `${profile.overall.one.unitsPerSecond}`);
  }
});

test("a few calls that take five times as long move the estimates by no more than their own time", async () => {
  const { profile } = await profiled({ workers: 2, noise: (random) => (random < 0.05 ? 5 : 1) });
  near(profile.availability.one, 1 / 1.2, 0.1);
  near(profile.overall.one.unitsPerSecond / profile.availability.one, 1_000);
});

test("under a quota of one half, with periods longer than a call, a machine has half its capacity", async () => {
  const quota = { periodMs: 100, share: 0.5 };
  for (const length of ["short", "full"] as const) {
    const { profile } = await profiled({ workers: 1, quota }, { length });
    near(profile.overall.one.unitsPerSecond, 500, 0.15);
  }
});

test("on a machine where each call waits for other programs, each rate is of the share that is left", async () => {
  const { profile } = await profiled(
    { workers: 2, setUpMs: 25, othersMs: (random) => 60 * random },
    { length: "short" },
  );
  for (const kernel of kernels) {
    const { one } = profile.kernels[kernel];
    // 5 ms of work after waits of 30 ms in the mean.
    assert.ok(one.unitsPerSecond > 60 && one.unitsPerSecond < 400, `${kernel}: ${one.unitsPerSecond}`);
  }
  assert.ok(!isSure(profile), JSON.stringify(profile.overall));
});

test("a profile that is aborted rejects with the reason, without another call", async () => {
  const runner = new FakeRunner({ workers: 1 });
  const stop = new AbortController();
  const measuring = measureProfile({
    runner,
    clock: { now: () => 0, monotonic: () => 0 },
    fingerprint: "test",
    length: "full" as const,
    signal: stop.signal,
    onProgress: (done) => done > 0.1 && stop.abort(new Error("enough")),
  });
  await assert.rejects(measuring, { message: "enough" });
  assert.ok(runner.now < 5_000, `${runner.now}`);
});

test("a profile is read back from its file, and a damaged file holds none", async () => {
  const { profile } = await profiled({ workers: 2, noise: (random) => 1 + random }, { length: "short", budgetMs: 20 });
  assert.equal(profile.overall.all.spread, Number.POSITIVE_INFINITY);
  const text = JSON.stringify(profile);
  assert.deepEqual(readProfile(text), profile);
  for (const bad of ["", "{}", "null", text.slice(0, -2), text.replace('"workers":2', '"workers":0')]) {
    assert.equal(readProfile(bad), undefined, bad.slice(0, 40));
  }
});
