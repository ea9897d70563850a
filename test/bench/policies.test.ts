// The policies beside ours in the simulator: each does what its authors say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clairvoyant } from "../../bench/policy/clairvoyant.js";
import { FailureAccrual } from "../../bench/policy/failure-accrual.js";
import { leastRequest } from "../../bench/policy/least-request.js";
import { localOnly } from "../../bench/policy/local-only.js";
import { ourPolicy } from "../../bench/policy/ours.js";
import { PeakEwmaMetric, peakEwma } from "../../bench/policy/peak-ewma.js";
import type { PlacementPolicy } from "../../bench/policy/policy.js";
import { PrequalServer, prequal } from "../../bench/policy/prequal.js";
import type { Fault, Machine, Scenario } from "../../bench/policy/scenario.js";
import { SimMesh } from "../../bench/policy/sim-mesh.js";
import { staticWeights } from "../../bench/policy/static-weights.js";

const nobody = Number.POSITIVE_INFINITY;

function machine(more: Partial<Machine> = {}): Machine {
  const workers = more.workers ?? 2;
  return {
    speed: 1,
    workers,
    entry: 1,
    distanceMs: 0.1,
    owner: [{ atMs: 0, slots: workers, lightUnits: nobody }],
    ...more,
  };
}

/** Calls of exactly ten units. */
function scenario(
  machines: readonly Machine[],
  { load, durationMs = 20_000 }: { load: number; durationMs?: number },
): Scenario {
  const functions = [{ name: "f", share: 1, meanUnits: 10, units: () => 10 }];
  return { machines, functions, load, durationMs, warmUpMs: durationMs / 10, seed: 1 };
}

/** The share of the work that each node did. */
function shares(of: Scenario, policy: PlacementPolicy): number[] {
  const mesh = new SimMesh(of, policy);
  mesh.run();
  const done = mesh.nodes.map(({ doneUnits }) => doneUnits);
  const all = done.reduce((sum, units) => sum + units, 0);
  return done.map((units) => units / all);
}

function near(actual: readonly number[], wanted: readonly number[], tolerance = 0.02): void {
  const off = wanted.map((share, index) => Math.abs(share - (actual[index] ?? 0)));
  assert.ok(Math.max(...off) <= tolerance, `${actual.map((share) => share.toFixed(3))}, not ${wanted}`);
}

test("local only: each node does what its clients ask", () => {
  near(shares(scenario([machine({ entry: 3 }), machine({ entry: 1 })], { load: 0.3 }), localOnly), [0.75, 0.25]);
});

test("the thesis: by weight, the own node twice", () => {
  // All calls come to the first, whose weight is 2 × 2 of 4 + 4 + 2.
  const machines = [machine(), machine({ entry: 0, speed: 2 }), machine({ entry: 0 })];
  near(shares(scenario(machines, { load: 0.3 }), staticWeights), [0.4, 0.4, 0.2]);
});

test("Finagle: a slow answer is believed at once and forgotten slowly, and what is outstanding counts", () => {
  const metric = new PeakEwmaMetric();
  assert.equal(metric.load(0), 0, "unknown and free");
  metric.pending = 1;
  assert.ok(metric.load(0) > 1e300, "unknown, and it has one already");
  metric.observe(100, 0);
  assert.equal(metric.load(0), 200);
  metric.observe(10, 1_000);
  const cost = 10 * (1 - Math.exp(-0.1)) + 100 * Math.exp(-0.1);
  assert.ok(Math.abs(metric.load(1_000) - 2 * cost) < 1e-9, `${metric.load(1_000)}`);
  metric.observe(500, 1_000);
  assert.equal(metric.load(1_000), 1_000);
  assert.ok(metric.load(11_000) < 1_000 * Math.exp(-0.99), "it decays by itself");
});

test("Finagle: a node that is slower gets less", () => {
  const machines = [machine({ speed: 2 }), machine({ speed: 0.25, entry: 0 }), machine({ speed: 2, entry: 0 })];
  const [, slow = 1] = shares(scenario(machines, { load: 0.3 }), peakEwma);
  assert.ok(slow < 0.15, `${slow}`);
});

test("Envoy: by weight while little is active, away from where much is", () => {
  const machines = [machine({ workers: 1 }), machine({ workers: 3, entry: 0 })];
  near(shares(scenario(machines, { load: 0.05 }), leastRequest), [0.25, 0.75], 0.03);
  // Two of the same weight, one of which takes four times as long as it was measured to.
  const slow: Fault = { fromMs: 0, toMs: nobody, pace: 0.25 };
  const [well = 0, ill = 0] = shares(scenario([machine(), machine({ fault: slow })], { load: 0.5 }), leastRequest);
  assert.ok(ill < 0.75 * well, `${ill} and ${well}`);
});

test("Prequal: a node says the median latency at the load that is nearest", () => {
  const server = new PrequalServer();
  assert.equal(server.latencyMs(), 0);
  for (const [inFlight, tookMs] of [
    [0, 10],
    [0, 30],
    [0, 20],
    [5, 100],
  ] as const) {
    server.took(inFlight, tookMs);
  }
  assert.equal(server.latencyMs(), 20);
  server.inFlight = 4;
  assert.equal(server.latencyMs(), 100);
  for (let index = 0; index < 64; index++) server.took(9, 7);
  assert.equal(server.latencyMs(), 7, "only the last ones count");
});

test("Prequal: probes cost three messages and their answers for each call, and slow nodes get less", () => {
  const machines = [machine({ speed: 0.25 }), ...Array.from({ length: 5 }, () => machine({ speed: 2 }))];
  const of = scenario(machines, { load: 0.3 });
  const [slow = 1] = shares(of, prequal);
  assert.ok(slow < 0.02, `${slow}`);
  // Probes of oneself are free: one in six.
  const { messagesPerCall } = new SimMesh(of, prequal).run();
  assert.ok(messagesPerCall > 5.5 && messagesPerCall < 8, `${messagesPerCall}`);
});

test("the bound: always where the call ends first", () => {
  // The far one is faster, but not for calls of ten units.
  const machines = [machine({ distanceMs: 0 }), machine({ entry: 0, speed: 4, distanceMs: 4 })];
  near(shares(scenario(machines, { load: 0.02 }), clairvoyant), [1, 0]);
  const closer = [machine({ distanceMs: 0 }), machine({ entry: 0, speed: 4, distanceMs: 3 })];
  near(shares(scenario(closer, { load: 0.02 }), clairvoyant), [0, 1]);
  const { mean } = new SimMesh(scenario(closer, { load: 0.02 }), clairvoyant).run();
  assert.ok(Math.abs(mean - 8.6) < 0.2, `${mean} ms: 6 ms on the way, 2.5 ms of work`);
});

test("ours: here while a worker is idle, elsewhere under load, and not where it fails", () => {
  const machines = [machine(), ...Array.from({ length: 4 }, () => machine({ entry: 0 }))];
  const idle = new SimMesh(scenario(machines, { load: 0.01 }), ourPolicy()).run();
  assert.ok(idle.local > 0.95, `${idle.local}`);
  const busy = shares(scenario(machines, { load: 0.8 }), ourPolicy());
  near(busy, [0.2, 0.2, 0.2, 0.2, 0.2], 0.05);
  const failing: Fault = { fromMs: 0, toMs: nobody, fails: true };
  const broken = [...machines, machine({ entry: 0, fault: failing })];
  const { failed, calls } = new SimMesh(scenario(broken, { load: 0.6 }), ourPolicy()).run();
  assert.ok(failed < 0.01 * calls, `${failed} of ${calls}`);
});

test("a node that failed too often in a row is out for a while, longer each time", () => {
  const accrual = new FailureAccrual({ failures: 2, firstMs: 100, mostMs: 300 });
  const fail = (nowMs: number): void => accrual.ended(7, { end: "failed", nowMs });
  fail(0);
  assert.ok(accrual.isOpen(7, 0), "open after seven");
  fail(0);
  assert.deepEqual([accrual.isOpen(7, 99), accrual.isOpen(7, 100), accrual.isOpen(8, 0)], [false, true, true]);
  fail(100);
  assert.deepEqual([accrual.isOpen(7, 299), accrual.isOpen(7, 300)], [false, true]);
  fail(300);
  assert.deepEqual([accrual.isOpen(7, 599), accrual.isOpen(7, 600)], [false, true], "no longer than the most");
  accrual.ended(7, { end: "ok", nowMs: 600 });
  fail(600);
  assert.ok(accrual.isOpen(7, 600), "a success in between");
});
