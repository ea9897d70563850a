// The cost of a call: in process, through the pool, and over HTTPS beside other servers; the effect of a slow function
// on fast ones; the time of a deploy.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import { packageRoot } from "../src/core/package-root.js";
import { deployTimes } from "./deploys.js";
import { type LoadOptions, loadGenerator } from "./load.js";
import { measuredLoad } from "./measured-load.js";
import { type ServerName, startNode, type Target, withServers } from "./processes.js";
import { type BenchRun, bench } from "./report.js";
import { alternate, estimated, paired } from "./rounds.js";
import { measureSandbox, type SandboxReport } from "./sandbox.js";
import { estimateOf } from "./statistics.js";
import type { CpuPerCall } from "./thread-cpu.js";
import { measureWorkerCounts, type WorkerCount, workerCountPanel } from "./worker-counts.js";

const generator = loadGenerator();
const seconds = 2;
const rounds = 5;
const method =
  `HTTPS calls of a function that adds two numbers, load by ${generator.name} on the same machine, beside servers ` +
  `that parse and answer the same JSON (bare: hyper-express; the floor: raw uWebSockets): ${rounds} rounds of ` +
  `${seconds} s in turn, medians, intervals of 95 % (five rounds: least to greatest), ratios of neighbouring rounds. ` +
  "Processor time is the server's, from the kernel's account of each thread. By workers: one node after the other.";

const connectionCounts = [1, 8, 32, 128, 512];
/** A compiler that warms up would take a core from the server beside it. */
const settings = { warmCompiler: false };
/** The node behind either front door, and servers that only echo: raw uWebSockets is the floor. */
const nodeDoors = { node: "uws", "node, node:https": "node" } as const;
const servers: readonly ServerName[] = ["hyper-express", "uws", "node:https", "workerd", "deno", "bun"];
/** The server with which each one is compared. */
const reference = "hyper-express";

/** What one server does at one number of connections. */
interface Side {
  readonly name: string;
  readonly callsPerSecond: Estimate;
  readonly p50Ms: Estimate;
  readonly p99Ms: Estimate;
  /** Processor time of the server a call, µs by thread. */
  readonly cpuMicros: { readonly [part in keyof CpuPerCall]: Estimate };
  /** This server ÷ {@link reference}, of neighbouring rounds. */
  readonly throughputRatio: Estimate;
  readonly p50Ratio: Estimate;
}

interface Comparison {
  readonly connections: number;
  readonly sides: readonly Side[];
}

interface HttpsReport {
  readonly https: readonly Comparison[];
  readonly byWorkers: readonly WorkerCount[];
  readonly fastBesideSlowP99Ms: { readonly [measure in "alone" | "beside" | "ratio"]: Estimate };
  readonly warmDeployMs: Estimate;
}

/** A server with the path of its function. */
type Measured = Target & { readonly name: string };

async function compare(targets: readonly Measured[], connections: number): Promise<Comparison> {
  const load = { body: "[19,23]", connections, seconds };
  const ways = Object.fromEntries(targets.map((one) => [one.name, () => measuredLoad(generator, { ...one, ...load })]));
  const results = await alternate(rounds, ways);
  const bare = results[reference] ?? [];
  const sides = targets.map(({ name }): Side => {
    const runs = results[name] ?? [];
    return {
      name,
      callsPerSecond: estimated(runs, (run) => run.callsPerSecond),
      p50Ms: estimated(runs, (run) => run.p50),
      p99Ms: estimated(runs, (run) => run.p99),
      cpuMicros: {
        main: estimated(runs, ({ cpu }) => cpu.main),
        worker: estimated(runs, ({ cpu }) => cpu.worker),
        rest: estimated(runs, ({ cpu }) => cpu.rest),
      },
      throughputRatio: paired({ of: runs, to: bare }, (one, other) => one.callsPerSecond / other.callsPerSecond),
      p50Ratio: paired({ of: runs, to: bare }, (one, other) => one.p50 / other.p50),
    };
  });
  return { connections, sides };
}

/** p99 of fast calls alone, then while one connection calls a function of some 20 ms over and over. */
async function besideSlow(node: Target): Promise<HttpsReport["fastBesideSlowP99Ms"]> {
  const fast: LoadOptions = { ...node, url: `${node.url}/fn/bench/add`, body: "[1,2]", connections: 4, seconds };
  const busy = { url: `${node.url}/fn/bench/work`, body: "[6000]", connections: 1, seconds: seconds + 1 };
  const { alone, beside } = await alternate(rounds, {
    alone: () => generator.run(fast),
    beside: async () => {
      const running = generator.run({ ...fast, ...busy });
      return generator.run(fast).finally(() => running);
    },
  });
  return {
    alone: estimated(alone, ({ p99 }) => p99),
    beside: estimated(beside, ({ p99 }) => p99),
    ratio: paired({ of: beside, to: alone }, (one, other) => one.p99 / other.p99),
  };
}

/** All servers in turn, at each number of connections. */
async function besideOthers(folder: string, functions: string): Promise<Comparison[]> {
  const nodes: Measured[] = [];
  try {
    for (const [name, door] of Object.entries(nodeDoors)) {
      const node = await startNode(join(folder, `door-${door}`), { functions, door, settings });
      nodes.push({ ...node, name, url: `${node.url}/fn/bench/add` });
    }
    return await withServers(join(folder, "echo"), servers, async (others) => {
      const comparisons: Comparison[] = [];
      for (const connections of connectionCounts) comparisons.push(await compare([...nodes, ...others], connections));
      return comparisons;
    });
  } finally {
    for (const node of nodes) await node.stop();
  }
}

async function overHttps(folder: string): Promise<HttpsReport> {
  const functions = fileURLToPath(new URL("bench/functions", packageRoot()));
  const https = await besideOthers(folder, functions);
  const byWorkers = await measureWorkerCounts({ folder, functions, settings, generator, connectionCounts });
  const node = await startNode(join(folder, "node"), { functions, settings });
  try {
    return {
      https,
      byWorkers,
      fastBesideSlowP99Ms: await besideSlow(node),
      warmDeployMs: estimateOf(await deployTimes(node)),
    };
  } finally {
    await node.stop();
  }
}

function keyFigures(sandbox: SandboxReport, report: HttpsReport): BenchRun["key"] {
  const atConnections = report.https.flatMap(({ connections, sides }) =>
    sides
      .filter(({ name }) => name in nodeDoors)
      .flatMap(({ name, callsPerSecond, p50Ms, throughputRatio, p50Ratio }) => [
        { name: `${name}: calls at ${connections}`, unit: "1/s", better: "higher" as const, ...callsPerSecond },
        { name: `${name}: p50 at ${connections}`, unit: "ms", better: "lower" as const, ...p50Ms },
        {
          name: `${name}: throughput ÷ bare at ${connections}`,
          unit: "",
          better: "higher" as const,
          ...throughputRatio,
        },
        { name: `${name}: p50 ÷ bare at ${connections}`, unit: "", better: "lower" as const, ...p50Ratio },
      ]),
  );
  return [
    { name: "call and reset in process", unit: "µs", better: "lower", ...sandbox.inProcessUs.callAndReset },
    { name: "p50 through the pool", unit: "µs", better: "lower", ...sandbox.pool.sequentialP50Us },
    { name: "calls through the pool at 32", unit: "1/s", better: "higher", ...sandbox.pool.callsPerSecondAt32 },
    ...atConnections,
    { name: "p99 of fast calls beside a slow one", unit: "ms", better: "lower", ...report.fastBesideSlowP99Ms.beside },
    { name: "warm deploy", unit: "ms", better: "lower", ...report.warmDeployMs },
  ];
}

function panelsOf({ https, byWorkers, fastBesideSlowP99Ms }: HttpsReport): BarPanel[] {
  const categories = https.map(({ connections }) => `${connections} connection${connections === 1 ? "" : "s"}`);
  const names = https[0]?.sides.map(({ name }) => name) ?? [];
  const all = (look: (side: Side) => Estimate): BarPanel["series"] =>
    names.map((name) => ({
      name,
      values: https.map(({ sides }) => {
        const side = sides.find((one) => one.name === name);
        return side && look(side);
      }),
    }));
  const cpu = ({ cpuMicros: { main, worker, rest } }: Side): Estimate => ({
    value: main.value + worker.value + rest.value,
  });
  const { alone, beside } = fastBesideSlowP99Ms;
  const slow = { title: "p99 of fast calls", yLabel: "ms", categories: ["alone", "beside a slow function"] };
  return [
    { kind: "bars", title: "Throughput", yLabel: "calls/s", categories, series: all((side) => side.callsPerSecond) },
    { kind: "bars", title: "Latency, p50", yLabel: "ms", yScale: "log", categories, series: all((side) => side.p50Ms) },
    { kind: "bars", title: "Latency, p99", yLabel: "ms", yScale: "log", categories, series: all((side) => side.p99Ms) },
    { kind: "bars", title: "Processor time a call", yLabel: "µs", categories, series: all(cpu) },
    workerCountPanel(byWorkers),
    { kind: "bars", ...slow, series: [{ name: "node", values: [alone, beside] }] },
  ];
}

await bench("invoke", async () => {
  const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
  try {
    const sandbox = await measureSandbox();
    const report = await overHttps(folder);
    const results = { loadGenerator: generator.name, sandbox, ...report };
    return { method, key: keyFigures(sandbox, report), results, panels: panelsOf(report), columns: 2 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
