// What does a call cost? In process, through the pool, and over HTTPS beside a bare hyper-express server; and what a slow
// function does to fast ones, what a deploy takes, what an idle node holds. Rounds alternate, medians are quoted.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../src/core/clock.js";
import { packageRoot } from "../src/core/package-root.js";
import { Identity } from "../src/pki/identity.js";
import { withKeyFiles } from "../src/pki/key-files.js";
import { deployTime, idleMemory } from "./deploy-and-idle.js";
import { type LoadOptions, type LoadResult, loadGenerator } from "./load.js";
import { machine } from "./machine.js";
import { startEcho, startNode, type Target } from "./processes.js";
import { measureSandbox } from "./sandbox.js";
import { median, rounded } from "./statistics.js";

const generator = loadGenerator();
const seconds = 3;
const rounds = 5;
const results = fileURLToPath(new URL("bench/results/invoke.json", packageRoot()));

interface Comparison {
  readonly connections: number;
  readonly node: { readonly callsPerSecond: number; readonly p50Ms: number; readonly p99Ms: number };
  readonly echo: { readonly callsPerSecond: number; readonly p50Ms: number; readonly p99Ms: number };
  /** Median over the rounds of node ÷ echo. */
  readonly throughputRatio: number;
  readonly p50Ratio: number;
}

/** Node and echo in turn, `rounds` times. */
async function compare(node: Target, echo: Target, connections: number): Promise<Comparison> {
  const body = "[19,23]";
  const nodeLoad: LoadOptions = { ...node, url: `${node.url}/fn/bench/add`, body, connections, seconds };
  const echoLoad: LoadOptions = { url: echo.url, ca: echo.ca, body, connections, seconds };
  for (const warm of [nodeLoad, echoLoad]) await generator.run({ ...warm, seconds: 2 });
  const pairs: { node: LoadResult; echo: LoadResult }[] = [];
  for (let round = 0; round < rounds; round++)
    pairs.push({ node: await generator.run(nodeLoad), echo: await generator.run(echoLoad) });
  const failed = pairs.reduce((sum, pair) => sum + pair.node.failed + pair.echo.failed, 0);
  if (failed > 0) throw new Error(`${failed} calls failed`);
  const side = (name: "node" | "echo"): Comparison["node"] => ({
    callsPerSecond: rounded(median(pairs.map((pair) => pair[name].callsPerSecond))),
    p50Ms: rounded(median(pairs.map((pair) => pair[name].p50))),
    p99Ms: rounded(median(pairs.map((pair) => pair[name].p99))),
  });
  return {
    connections,
    node: side("node"),
    echo: side("echo"),
    throughputRatio: rounded(median(pairs.map((pair) => pair.node.callsPerSecond / pair.echo.callsPerSecond))),
    p50Ratio: rounded(median(pairs.map((pair) => pair.node.p50 / pair.echo.p50))),
  };
}

/** p99 of fast calls alone, then while one connection calls a function of some 20 ms over and over. */
async function besideSlow(node: Target): Promise<{ alone: number; beside: number; ratio: number }> {
  const fast: LoadOptions = { ...node, url: `${node.url}/fn/bench/add`, body: "[1,2]", connections: 4, seconds };
  const slow: LoadOptions = {
    ...fast,
    url: `${node.url}/fn/bench/work`,
    body: "[6000]",
    connections: 1,
    seconds: seconds + 1,
  };
  const pairs: { alone: number; beside: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const alone = await generator.run(fast);
    const running = generator.run(slow);
    const beside = await generator.run(fast);
    await running;
    pairs.push({ alone: alone.p99, beside: beside.p99 });
  }
  return {
    alone: rounded(median(pairs.map(({ alone }) => alone))),
    beside: rounded(median(pairs.map(({ beside }) => beside))),
    ratio: rounded(median(pairs.map(({ alone, beside }) => beside / alone))),
  };
}

async function overHttps(folder: string): Promise<Record<string, unknown>> {
  const node = await startNode(join(folder, "node"), fileURLToPath(new URL("bench/functions", packageRoot())));
  const identity = await Identity.open({
    state: join(folder, "echo"),
    ephemeral: true,
    name: "echo",
    domains: [],
    advertise: "localhost",
    clock: systemClock,
  });
  const echo = await withKeyFiles(identity.publicLeaf(), (files) => startEcho(files, identity.rootCertificate));
  try {
    return {
      loadGenerator: generator.name,
      https: [await compare(node, echo, 1), await compare(node, echo, 32)],
      fastBesideSlowP99Ms: await besideSlow(node),
      warmDeployMs: rounded(await deployTime(node)),
      idleMebibytes: rounded(await idleMemory(node)),
    };
  } finally {
    await node.stop();
    await echo.stop();
    await identity.close();
  }
}

const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
try {
  const report = {
    question: "What does a call cost, and how much of that is ours?",
    at: new Date().toISOString(),
    machine: machine(),
    sandbox: await measureSandbox(),
    ...(await overHttps(folder)),
  };
  console.log(JSON.stringify(report, null, 2));
  await writeFile(results, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
