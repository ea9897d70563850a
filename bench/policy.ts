// Which placement policy keeps the slowest calls fast? Simulated meshes under our policy, under other known ones, and
// under a bound.

import type { LinePanel } from "../src/cli/bench/chart.js";
import type { KeyFigure } from "./comparison.js";
import { clairvoyant } from "./policy/clairvoyant.js";
import { leastRequest } from "./policy/least-request.js";
import { localOnly } from "./policy/local-only.js";
import { type Interval, intervalOf, type RunResult } from "./policy/measures.js";
import { ourPolicy } from "./policy/ours.js";
import { peakEwma } from "./policy/peak-ewma.js";
import type { PlacementPolicy } from "./policy/policy.js";
import { prequal } from "./policy/prequal.js";
import { officeScenario } from "./policy/scenario.js";
import { SimMesh } from "./policy/sim-mesh.js";
import { staticWeights } from "./policy/static-weights.js";
import { type BenchRun, bench } from "./report.js";
import { rounded } from "./statistics.js";

const ours = ourPolicy();
/** All policies except local only, which cannot help an overloaded node: its times are those of its queues. */
const others = [staticWeights, peakEwma, leastRequest, prequal];
const policies = [localOnly, ...others, ours, clairvoyant];
const loads = [0.5, 0.7, 0.8, 0.9];

/** A size of mesh, the simulated time, and the number of runs. */
interface Size {
  readonly nodes: number;
  readonly loads: readonly number[];
  readonly durationMs: number;
  readonly seeds: number;
}

const sizes: readonly Size[] = [
  { nodes: 20, loads, durationMs: 30_000, seeds: 5 },
  { nodes: 60, loads, durationMs: 20_000, seeds: 4 },
  { nodes: 1_000, loads: [0.8], durationMs: 1_000, seeds: 2 },
];
const quickSizes: readonly Size[] = [{ nodes: 20, loads, durationMs: 10_000, seeds: 3 }];

const measures = ["mean", "p50", "p99", "p999", "messagesPerCall", "local", "shareDeviation"] as const;

/** One policy at one load in one size of mesh, over the seeds. */
interface Row {
  readonly nodes: number;
  readonly load: number;
  readonly policy: string;
  readonly measures: { readonly [measure in (typeof measures)[number]]: Interval };
  readonly calls: number;
  readonly failed: number;
  /** p99 of a policy divided by ours, seed by seed: above 1, ours is faster. */
  readonly p99ToOurs: Interval;
}

function simulate({ nodes, loads: levels, durationMs, seeds }: Size): Row[] {
  return levels.flatMap((load) => {
    const runs = new Map<PlacementPolicy, RunResult[]>();
    for (const policy of policies) {
      const results = Array.from({ length: seeds }, (_, index) => {
        const scenario = officeScenario({ nodes, load, durationMs, seed: index + 1, owners: true, faults: true });
        return new SimMesh(scenario, policy).run();
      });
      runs.set(policy, results);
      const { mean } = intervalOf(results.map(({ p99 }) => p99));
      console.error(`${nodes} nodes, ${100 * load} %: ${policy.name}: p99 ${rounded(mean)} ms`);
    }
    const our = runs.get(ours) ?? [];
    return [...runs].map(([{ name }, results]): Row => rowOf(results, { nodes, load, policy: name, our }));
  });
}

function rowOf(
  results: readonly RunResult[],
  { our, ...common }: Pick<Row, "nodes" | "load" | "policy"> & { readonly our: readonly RunResult[] },
): Row {
  const over = (value: (result: RunResult, index: number) => number): Interval => shown(intervalOf(results.map(value)));
  return {
    ...common,
    measures: Object.fromEntries(measures.map((name) => [name, over((result) => result[name])])) as Row["measures"],
    calls: results.reduce((sum, { calls }) => sum + calls, 0),
    failed: results.reduce((sum, { failed }) => sum + failed, 0),
    p99ToOurs: over(({ p99 }, index) => p99 / (our[index]?.p99 ?? Number.NaN)),
  };
}

function shown({ mean, plusMinus }: Interval): Interval {
  return { mean: rounded(mean), plusMinus: rounded(plusMinus) };
}

/** Whether our p99 is the lowest in every mesh and at every load, the bound aside; and where it is not. */
function lowest(rows: readonly Row[]): { readonly everywhere: boolean; readonly butFor: string } {
  const exceptions = rows
    .filter(({ policy, p99ToOurs }) => policy !== ours.name && policy !== clairvoyant.name && p99ToOurs.mean <= 1)
    .map(({ nodes, load, policy, p99ToOurs }) => `${policy} at ${100 * load} % with ${nodes} nodes: ${p99ToOurs.mean}`);
  return { everywhere: exceptions.length === 0, butFor: exceptions.join("; ") };
}

function panelsOf(rows: readonly Row[], shownSizes: readonly Size[]): LinePanel[] {
  const panel = (nodes: number, { measure, label }: { measure: "p99" | "mean"; label: string }): LinePanel => ({
    kind: "lines",
    title: `${label}, ${nodes} nodes`,
    xLabel: "load, % of what owners leave",
    yLabel: "ms",
    yScale: "log",
    series: policies.map(({ name }) => ({
      name,
      points: rows
        .filter((row) => row.policy === name && row.nodes === nodes)
        .map((row) => ({ x: 100 * row.load, ...estimateOf(row.measures[measure]) })),
    })),
  });
  return shownSizes
    .filter((size) => size.loads.length > 1)
    .flatMap(({ nodes }) => [
      panel(nodes, { measure: "p99", label: "p99 of response time" }),
      panel(nodes, { measure: "mean", label: "Mean response time" }),
    ]);
}

function estimateOf({ mean, plusMinus }: Interval): { value: number; low?: number; high?: number } {
  // An axis of powers has no place for what is not above zero.
  const low = Math.max(mean - plusMinus, mean / 10);
  return Number.isFinite(plusMinus) ? { value: mean, low, high: mean + plusMinus } : { value: mean };
}

/** Our p99, and the best other policy's p99 relative to it. */
function keyFigures(rows: readonly Row[]): KeyFigure[] {
  return rows
    .filter(({ policy }) => policy === ours.name)
    .flatMap(({ nodes, load, measures: { p99 } }): KeyFigure[] => {
      const name = `${nodes} nodes, ${100 * load} % load`;
      const rivals = rows.filter(
        (row) => row.nodes === nodes && row.load === load && others.some((other) => other.name === row.policy),
      );
      const best = rivals.reduce((one, other) => (other.p99ToOurs.mean < one.p99ToOurs.mean ? other : one));
      return [
        { name: `${name}: p99`, unit: "ms", better: "lower", ...estimateOf(p99) },
        { name: `${name}: best other ÷ ours, p99`, unit: "", better: "higher", ...estimateOf(best.p99ToOurs) },
      ];
    });
}

function methodOf(chosen: readonly Size[]): string {
  const meshes = chosen.map(
    ({ nodes, durationMs, seeds }) => `${nodes} nodes for ${durationMs / 1_000} s from ${seeds} seeds`,
  );
  return (
    `Discrete events, no real time: ${meshes.join("; ")}. Machines of 2 to 16 workers and speeds of 0.25 to 2, ` +
    "six of ten with an owner who comes and goes; six functions of 2 to some hundred work units, two of them heavy; " +
    "clients by Zipf's law; one machine slows to a quarter for a while, one fails each call at once for a while. " +
    "Ours is the product's own code. Means over seeds with 95 % intervals (Student's t); the same calls come under " +
    "every policy."
  );
}

/** Runs all sizes, or only those that take a minute. */
function measure(quick: boolean): BenchRun {
  const chosen = quick ? quickSizes : sizes;
  const rows = chosen.flatMap(simulate);
  const results = { p99OfOursIsLowest: lowest(rows), rows };
  return { method: methodOf(chosen), key: keyFigures(rows), results, panels: panelsOf(rows, chosen), columns: 2 };
}

await bench("policy", async ({ quick }) => measure(quick), { quick: true });
