// The cost of a call: in process, through the pool, and over HTTPS beside a bare hyper-express server; the effect of a
// slow function on fast ones; the time of a deploy; the memory of an idle node.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import { packageRoot } from "../src/core/package-root.js";
import { deployTimes, idleMemory } from "./deploy-and-idle.js";
import { type LoadOptions, loadGenerator } from "./load.js";
import { startNode, type Target, withEcho } from "./processes.js";
import { type BenchRun, bench } from "./report.js";
import { alternate, estimated, paired } from "./rounds.js";
import { measureSandbox, type SandboxReport } from "./sandbox.js";
import { estimateOf, rounded } from "./statistics.js";

const generator = loadGenerator();
const seconds = 3;
const rounds = 5;
const method =
  `HTTPS calls of a function that adds two numbers, load by ${generator.name} on the same machine, ` +
  `beside a bare hyper-express ` +
  `server that parses and answers the same JSON: ${rounds} rounds of ${seconds} s in turn, medians, ` +
  `intervals of 95 % (five rounds: ` +
  "least to greatest), ratios of neighbouring rounds.";

interface Side {
  readonly callsPerSecond: Estimate;
  readonly p50Ms: Estimate;
  readonly p99Ms: Estimate;
}

interface Comparison {
  readonly connections: number;
  readonly node: Side;
  readonly echo: Side;
  /** node ÷ echo. */
  readonly throughputRatio: Estimate;
  readonly p50Ratio: Estimate;
}

interface HttpsReport {
  readonly https: readonly Comparison[];
  readonly fastBesideSlowP99Ms: { readonly [measure in "alone" | "beside" | "ratio"]: Estimate };
  readonly warmDeployMs: Estimate;
  readonly idleMebibytes: number;
}

async function compare(pair: { node: Target; echo: Target }, connections: number): Promise<Comparison> {
  const body = "[19,23]";
  const nodeLoad: LoadOptions = { ...pair.node, url: `${pair.node.url}/fn/bench/add`, body, connections, seconds };
  const echoLoad: LoadOptions = { url: pair.echo.url, ca: pair.echo.ca, body, connections, seconds };
  const { node, echo } = await alternate(rounds, {
    node: () => generator.run(nodeLoad),
    echo: () => generator.run(echoLoad),
  });
  const failed = [...node, ...echo].reduce((sum, run) => sum + run.failed, 0);
  if (failed > 0) throw new Error(`${failed} calls failed`);
  const side = (runs: typeof node): Side => ({
    callsPerSecond: estimated(runs, (run) => run.callsPerSecond),
    p50Ms: estimated(runs, (run) => run.p50),
    p99Ms: estimated(runs, (run) => run.p99),
  });
  return {
    connections,
    node: side(node),
    echo: side(echo),
    throughputRatio: paired({ of: node, to: echo }, (one, other) => one.callsPerSecond / other.callsPerSecond),
    p50Ratio: paired({ of: node, to: echo }, (one, other) => one.p50 / other.p50),
  };
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

async function overHttps(folder: string): Promise<HttpsReport> {
  const functions = fileURLToPath(new URL("bench/functions", packageRoot()));
  const node = await startNode(join(folder, "node"), { functions });
  try {
    const https = await withEcho(join(folder, "echo"), async (echo) => [
      await compare({ node, echo }, 1),
      await compare({ node, echo }, 32),
    ]);
    return {
      https,
      fastBesideSlowP99Ms: await besideSlow(node),
      warmDeployMs: estimateOf(await deployTimes(node)),
      idleMebibytes: rounded(await idleMemory(node)),
    };
  } finally {
    await node.stop();
  }
}

function keyFigures(sandbox: SandboxReport, report: HttpsReport): BenchRun["key"] {
  const atConnections = report.https.flatMap(({ connections, node, throughputRatio }) => [
    { name: `calls at ${connections} connections`, unit: "1/s", better: "higher" as const, ...node.callsPerSecond },
    { name: `p50 at ${connections} connections`, unit: "ms", better: "lower" as const, ...node.p50Ms },
    { name: `throughput ÷ echo at ${connections}`, unit: "", better: "higher" as const, ...throughputRatio },
  ]);
  return [
    { name: "call and reset in process", unit: "µs", better: "lower", ...sandbox.inProcessUs.callAndReset },
    { name: "p50 through the pool", unit: "µs", better: "lower", ...sandbox.pool.sequentialP50Us },
    { name: "calls through the pool at 32", unit: "1/s", better: "higher", ...sandbox.pool.callsPerSecondAt32 },
    ...atConnections,
    { name: "p99 of fast calls beside a slow one", unit: "ms", better: "lower", ...report.fastBesideSlowP99Ms.beside },
    { name: "warm deploy", unit: "ms", better: "lower", ...report.warmDeployMs },
    { name: "memory of an idle node", unit: "MiB", better: "lower", value: report.idleMebibytes },
  ];
}

function panelsOf({ https, fastBesideSlowP99Ms }: HttpsReport): BarPanel[] {
  const categories = https.map(({ connections }) => `${connections} connection${connections === 1 ? "" : "s"}`);
  const both = (look: (side: Side) => Estimate): BarPanel["series"] => [
    { name: "node", values: https.map(({ node }) => look(node)) },
    { name: "bare HTTPS server", values: https.map(({ echo }) => look(echo)) },
  ];
  const { alone, beside } = fastBesideSlowP99Ms;
  const slow = { title: "p99 of fast calls", yLabel: "ms", categories: ["alone", "beside a slow function"] };
  return [
    { kind: "bars", title: "Throughput", yLabel: "calls/s", categories, series: both((side) => side.callsPerSecond) },
    { kind: "bars", title: "Latency, p50", yLabel: "ms", categories, series: both((side) => side.p50Ms) },
    { kind: "bars", title: "Latency, p99", yLabel: "ms", categories, series: both((side) => side.p99Ms) },
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
