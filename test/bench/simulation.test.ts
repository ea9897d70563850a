// The simulator of policies: queues agree with formulas, no call is lost, and a seed gives the same run again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clairvoyant } from "../../bench/policy/clairvoyant.js";
import { exponential, logNormal, pareto, paretoMean, weighted, zipf } from "../../bench/policy/draws.js";
import { EventQueue } from "../../bench/policy/event-queue.js";
import { leastRequest } from "../../bench/policy/least-request.js";
import { localOnly } from "../../bench/policy/local-only.js";
import { intervalOf } from "../../bench/policy/measures.js";
import { ourPolicy } from "../../bench/policy/ours.js";
import { peakEwma } from "../../bench/policy/peak-ewma.js";
import { prequal } from "../../bench/policy/prequal.js";
import { officeScenario, type Scenario } from "../../bench/policy/scenario.js";
import { SimMesh } from "../../bench/policy/sim-mesh.js";
import { staticWeights } from "../../bench/policy/static-weights.js";
import { seeded } from "../harness/virtual/virtual-time.js";

const policies = [localOnly, staticWeights, peakEwma, leastRequest, prequal, ourPolicy(), clairvoyant];

function office(seed: number, more: Partial<Parameters<typeof officeScenario>[0]> = {}): Scenario {
  return officeScenario({ nodes: 12, load: 0.7, durationMs: 6_000, seed, owners: true, faults: true, ...more });
}

/** One node that takes 20,000 exponential calls of 10 ms, and nobody else. */
function queueOf(workers: number, { load, seed }: { load: number; seed: number }): Scenario {
  const owner = [{ atMs: 0, slots: workers, lightUnits: Number.POSITIVE_INFINITY }];
  const machines = [{ speed: 1, workers, entry: 1, distanceMs: 0, owner }];
  const durationMs = (20_000 * 10) / (load * workers);
  const functions = [{ name: "f", share: 1, meanUnits: 10, units: exponential(10) }];
  return { machines, functions, load, durationMs, warmUpMs: durationMs / 10, seed };
}

/** Mean response time of M/M/c: Erlang's C formula (Kleinrock, Queueing Systems 1, section 3.5). */
function erlangResponseMs(workers: number, { load, runMs }: { load: number; runMs: number }): number {
  const offered = load * workers;
  let term = 1;
  let sum = 0;
  for (let busy = 0; busy < workers; busy++) {
    sum += term;
    term *= offered / (busy + 1);
  }
  const waits = term / (1 - load) / (sum + term / (1 - load));
  return runMs + (waits * runMs) / (workers * (1 - load));
}

test("queues wait as long as Erlang's formulas say", () => {
  assert.ok(Math.abs(erlangResponseMs(1, { load: 0.8, runMs: 10 }) - 50) < 1e-9, "M/M/1: run ÷ (1 - load)");
  for (const [workers, load] of [
    [1, 0.5],
    [1, 0.8],
    [4, 0.8],
    [16, 0.9],
  ] as const) {
    const means = Array.from(
      { length: 6 },
      (_, seed) => new SimMesh(queueOf(workers, { load, seed }), localOnly).run().mean,
    );
    const { mean, plusMinus } = intervalOf(means);
    const wanted = erlangResponseMs(workers, { load, runMs: 10 });
    assert.ok(Math.abs(mean - wanted) <= plusMinus, `M/M/${workers} at ${load}: ${mean} ± ${plusMinus}, not ${wanted}`);
  }
});

test("the same seed gives the same run to the last bit, another one another", () => {
  for (const policy of policies) {
    const [first, again, other] = [1, 1, 2].map((seed) => new SimMesh(office(seed), policy).run());
    assert.deepEqual(first, again, policy.name);
    assert.notEqual(first?.mean, other?.mean, policy.name);
  }
});

test("every call ends once, under every policy, also when owners come, a node slows down and one fails", () => {
  const calls = new Set<number>();
  for (const policy of policies) {
    const mesh = new SimMesh(office(3), policy);
    const ended = new Map<number, number>();
    const { measures } = mesh;
    const count = measures.ended.bind(measures);
    measures.ended = (call, end) => {
      ended.set(call.id, (ended.get(call.id) ?? 0) + 1);
      count(call, end);
    };
    const { open } = mesh.run();
    assert.equal(open, 0, policy.name);
    assert.ok(
      [...ended.values()].every((times) => times === 1),
      policy.name,
    );
    calls.add(ended.size);
  }
  assert.equal(calls.size, 1, "the same calls come under every policy");
  assert.ok(
    [...calls].every((count) => count > 1_000),
    `${[...calls]}`,
  );
});

test("nobody beats the bound", () => {
  const [bound, ...others] = [clairvoyant, ...policies].map((policy) => {
    const runs = [1, 2].map((seed) => new SimMesh(office(seed, { faults: false }), policy).run());
    return {
      name: policy.name,
      mean: intervalOf(runs.map(({ mean }) => mean)),
      p99: intervalOf(runs.map(({ p99 }) => p99)),
    };
  });
  for (const { name, mean, p99 } of others) {
    assert.ok(mean.mean >= (bound?.mean.mean ?? Infinity) && p99.mean >= (bound?.p99.mean ?? Infinity), name);
  }
});

test("with nobody to share with, all policies are one", () => {
  const results = policies.map((policy) =>
    new SimMesh({ ...queueOf(2, { load: 0.7, seed: 1 }), durationMs: 20_000 }, policy).run(),
  );
  for (const { mean, p999 } of results) assert.deepEqual([mean, p999], [results[0]?.mean, results[0]?.p999]);
});

test("events run in the order of their times, those of one time as they were made", () => {
  const queue = new EventQueue();
  const random = seeded(1);
  const seen: { at: number; index: number }[] = [];
  for (let index = 0; index < 1_000; index++) {
    const at = Math.floor(random() * 50);
    queue.after(at, () => {
      assert.equal(queue.now, at);
      seen.push({ at, index });
      if (index % 10 === 0) queue.after(0, () => seen.push({ at, index: 1_000 + index }));
    });
  }
  queue.run(25);
  assert.ok(
    seen.every(({ at }) => at <= 25) && seen.length > 300,
    `${seen.length} seen, the last at ${seen.at(-1)?.at}`,
  );
  queue.run();
  assert.equal(seen.length, 1_100);
  const sorted = [...seen].sort((one, other) => one.at - other.at || one.index - other.index);
  assert.deepEqual(seen, sorted);
});

test("draws have the means that they are said to have", () => {
  const random = seeded(5);
  const mean = (draw: () => number): number => {
    let sum = 0;
    for (let index = 0; index < 200_000; index++) sum += draw();
    return sum / 200_000;
  };
  const bounds = { low: 80, high: 4_000 };
  const table: [string, number, number][] = [
    ["exponential", mean(() => exponential(10)(random)), 10],
    ["log-normal", mean(() => logNormal(20, 0.7)(random)), 20],
    ["Pareto", mean(() => pareto(1.5, bounds)(random)), paretoMean(1.5, bounds)],
    ["weighted", mean(() => weighted([1, 0, 3])(random)), 1.5],
  ];
  for (const [name, drawn, wanted] of table) assert.ok(Math.abs(drawn / wanted - 1) < 0.02, `${name}: ${drawn}`);
  assert.deepEqual(
    zipf(4, { skew: 1, random }).sort((one, other) => other - one),
    [1, 1 / 2, 1 / 3, 1 / 4],
  );
});
