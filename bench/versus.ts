// Did a change make calls more expensive? The node of this tree beside the built node of another one: `--base FOLDER`.

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import { packageRoot } from "../src/core/package-root.js";
import { UsageError } from "../src/core/usage-error.js";
import { type LoadResult, loadGenerator } from "./load.js";
import { startNode, type Target } from "./processes.js";
import { type BenchOptions, type BenchRun, bench } from "./report.js";
import { alternate, estimated, paired } from "./rounds.js";

const generator = loadGenerator();
/** Of the kernel's accounts of processes: USER_HZ, 100 on every Linux that Node runs on. */
const tickMs = 10;

/**
 * One round of load, and the processor time of the node's process for each call; NaN where the kernel does not report
 * it.
 */
interface Round extends LoadResult {
  readonly cpuMicros: number;
}

interface Difference {
  readonly connections: number;
  readonly callsPerSecond: { readonly [side in "base" | "now"]: Estimate };
  readonly p50Ms: { readonly [side in "base" | "now"]: Estimate };
  readonly cpuMicros: { readonly [side in "base" | "now"]: Estimate };
  /** now ÷ base, of neighbouring rounds. */
  readonly ratio: { readonly [measure in "throughput" | "p50" | "cpu"]: Estimate };
}

async function cpuMs(pid: number): Promise<number> {
  if (process.platform !== "linux") return Number.NaN;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // After the name, which may hold any character: utime and stime are fields 14 and 15 (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

async function round(node: Target, options: { connections: number; seconds: number }): Promise<Round> {
  const before = await cpuMs(node.pid);
  const load = await generator.run({ ...node, ...options, url: `${node.url}/fn/bench/add`, body: "[19,23]" });
  if (load.failed > 0) throw new Error(`${load.failed} calls failed`);
  const used = (await cpuMs(node.pid)) - before;
  return { ...load, cpuMicros: (used * 1_000) / (load.callsPerSecond * options.seconds) };
}

async function compare(
  nodes: { base: Target; now: Target },
  { connections, quick }: { connections: number; quick: boolean },
): Promise<Difference> {
  const seconds = 2;
  const { base, now } = await alternate(quick ? 6 : 30, {
    base: () => round(nodes.base, { connections, seconds }),
    now: () => round(nodes.now, { connections, seconds }),
  });
  const both = (look: (one: Round) => number): Difference["p50Ms"] => {
    return { base: estimated(base, look), now: estimated(now, look) };
  };
  const ratio = (look: (one: Round) => number): Estimate =>
    paired({ of: now, to: base }, (one, other) => look(one) / look(other));
  return {
    connections,
    callsPerSecond: both((one) => one.callsPerSecond),
    p50Ms: both((one) => one.p50),
    cpuMicros: both((one) => one.cpuMicros),
    ratio: {
      throughput: ratio((one) => one.callsPerSecond),
      p50: ratio((one) => one.p50),
      cpu: ratio((one) => one.cpuMicros),
    },
  };
}

async function measure({ base, quick }: BenchOptions): Promise<Difference[]> {
  const dist = join(base ?? "", "dist/");
  if (base === undefined || !existsSync(join(dist, "src")))
    throw new UsageError("--base FOLDER is needed: another checkout of this project, built (npm run build)");
  const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
  const functions = fileURLToPath(new URL("bench/functions", packageRoot()));
  const running: Target[] = [];
  try {
    const start = async (name: string, from?: URL): Promise<Target> => {
      const node = await startNode(join(folder, name), { functions, ...(from === undefined ? {} : { dist: from }) });
      running.push(node);
      return node;
    };
    const nodes = { base: await start("base", pathToFileURL(dist)), now: await start("now") };
    return [await compare(nodes, { connections: 1, quick }), await compare(nodes, { connections: 32, quick })];
  } finally {
    for (const node of running) await node.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function keyFigures(differences: readonly Difference[]): BenchRun["key"] {
  return differences.flatMap(({ connections, ratio }) => [
    { name: `throughput at ${connections}, now ÷ base`, unit: "", better: "higher" as const, ...ratio.throughput },
    { name: `p50 at ${connections}, now ÷ base`, unit: "", better: "lower" as const, ...ratio.p50 },
    { name: `processor time a call at ${connections}, now ÷ base`, unit: "", better: "lower" as const, ...ratio.cpu },
  ]);
}

function panelsOf(differences: readonly Difference[]): BarPanel[] {
  const categories = differences.map(({ connections }) => `${connections} connection${connections === 1 ? "" : "s"}`);
  const panel = (title: string, yLabel: string, look: (one: Difference) => Difference["p50Ms"]): BarPanel => ({
    kind: "bars",
    title,
    yLabel,
    categories,
    series: [
      { name: "base", values: differences.map((one) => look(one).base) },
      { name: "now", values: differences.map((one) => look(one).now) },
    ],
  });
  return [
    panel("Throughput", "calls/s", (one) => one.callsPerSecond),
    panel("Latency, p50", "ms", (one) => one.p50Ms),
    panel("Processor time a call", "µs", (one) => one.cpuMicros),
  ];
}

const method =
  `A node of this tree and one of another run side by side; HTTPS calls of a function that adds two numbers, to one ` +
  `and ` +
  `the other in turn, rounds of 2 s, load by ${generator.name}. Ratios are of neighbouring rounds: their medians and ` +
  "95 % intervals.";

await bench(
  "versus",
  async (options) => {
    const differences = await measure(options);
    const results = { loadGenerator: generator.name, differences };
    return { method, key: keyFigures(differences), results, panels: panelsOf(differences), columns: 2 };
  },
  { base: true, quick: true },
);
