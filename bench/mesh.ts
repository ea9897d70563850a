// The cost of a mesh: one hop against a local call, a join against a plain start, a new app on ten nodes, a revocation
// on ten nodes.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deployApp } from "../src/api/apps.js";
import { showMesh } from "../src/api/mesh.js";
import { revokeNode } from "../src/api/nodes.js";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import { packageRoot } from "../src/core/package-root.js";
import { LocalMesh } from "../src/testing/local-mesh.js";
import type { NodeProcess } from "../src/testing/node-process.js";
import { type ForwardReport, measureForward } from "./forward.js";
import { type LoadOptions, loadGenerator } from "./load.js";
import { type Target, withEcho } from "./processes.js";
import { type BenchRun, bench } from "./report.js";
import { alternate, estimated, paired } from "./rounds.js";
import { estimateOf, percentile, rounded } from "./statistics.js";

const generator = loadGenerator();
const rounds = 5;
const seconds = 2;
const meshSize = 10;
const limitMs = 30_000;
const method =
  `All on one machine. A hop: HTTPS calls bound to the node that is asked, bound to its peer, and of a bare echo, ` +
  `${rounds} rounds of ${seconds} s in turn, load by ${generator.name}; its cost is the difference of neighbouring ` +
  `rounds. A join: starts with one beside plain starts of the same node. A deploy: from the upload until each of ` +
  `${meshSize} nodes answers calls. A revocation: until each node says so.`;

interface Hop {
  readonly connections: number;
  readonly localP50Ms: Estimate;
  readonly forwardedP50Ms: Estimate;
  readonly echoP50Ms: Estimate;
  readonly overheadP50Micros: Estimate;
  readonly forwardedToEcho: Estimate;
}

interface MeshReport {
  readonly forward: readonly Hop[];
  readonly forwardBetweenLinks: ForwardReport;
  readonly join: { readonly [measure in "startWithJoinMs" | "startAloneMs" | "joinMs"]: Estimate };
  readonly propagation: {
    readonly [measure in "uploadToAnswerMs" | "uploadToEverywhereMs" | "holdersInAnswer"]: Estimate;
  };
  readonly revocation: { readonly samples: number; readonly p50Ms: Estimate; readonly p99Ms: number };
}

/**
 * A call bound to this node, the same call bound to the peer, and a bare echo, in turn. Bound, since this node would
 * forward some of its own calls under load.
 */
async function forward(mesh: LocalMesh, echo: Target): Promise<Hop[]> {
  const [here, there] = mesh.nodes;
  if (here === undefined || there === undefined) throw new TypeError("two nodes are needed");
  await settled(here, mesh);
  const hops: Hop[] = [];
  for (const connections of [1, 32]) {
    const common = { body: "[19,23]", connections, seconds };
    const calls = { ...common, url: `${here.ready.url}/fn/bench/add`, ca: here.ca, token: mesh.token };
    const boundTo = (node: NodeProcess): LoadOptions => ({ ...calls, headers: { "herd-node": node.ready.node } });
    const { local, hop, bare } = await alternate(rounds, {
      local: () => generator.run(boundTo(here)),
      hop: () => generator.run(boundTo(there)),
      bare: () => generator.run({ ...common, url: echo.url, ca: echo.ca }),
    });
    if ([...local, ...hop, ...bare].some(({ failed }) => failed > 0)) throw new Error("calls failed");
    hops.push({
      connections,
      localP50Ms: estimated(local, ({ p50 }) => p50),
      forwardedP50Ms: estimated(hop, ({ p50 }) => p50),
      echoP50Ms: estimated(bare, ({ p50 }) => p50),
      overheadP50Micros: paired({ of: hop, to: local }, (one, other) => 1_000 * (one.p50 - other.p50)),
      forwardedToEcho: paired({ of: hop, to: bare }, (one, other) => one.p50 / other.p50),
    });
  }
  return hops;
}

/** Starts with a join beside plain starts of the same node. */
async function joining(mesh: LocalMesh): Promise<MeshReport["join"]> {
  const samples: { join: number; start: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const name = `joiner-${round}`;
    const joined = await mesh.join(name);
    await joined.stop();
    const again = await mesh.restart(name);
    samples.push({ join: joined.startMs, start: again.startMs });
    await again.stop();
  }
  return {
    startWithJoinMs: estimated(samples, ({ join: ms }) => ms),
    startAloneMs: estimated(samples, (sample) => sample.start),
    joinMs: estimated(samples, (sample) => sample.join - sample.start),
  };
}

/**
 * From the upload of a new app until its answer, and until each node answers calls of it; the first part is its
 * compilation.
 */
async function propagation(mesh: LocalMesh): Promise<MeshReport["propagation"]> {
  const samples: { answered: number; everywhere: number; holders: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const text = `export function one(): i32 { return ${round}; }`;
    const began = performance.now();
    const everywhere = Promise.all(
      mesh.nodes.map((node) => untilAnswers(node, { mesh, path: `new-${round}/one`, began })),
    );
    const raw = { type: "application/typescript", bytes: text };
    const founder = mesh.founder.client(mesh.token);
    const { json: deployed } = await founder.call(deployApp, { parameters: { app: `new-${round}` }, raw });
    const answered = performance.now() - began;
    const slowest = Math.max(...(await everywhere));
    // The first warms the compiler.
    if (round > 0) samples.push({ answered, everywhere: slowest, holders: deployed.nodes.length });
  }
  return {
    uploadToAnswerMs: estimated(samples, ({ answered }) => answered),
    uploadToEverywhereMs: estimated(samples, ({ everywhere }) => everywhere),
    holdersInAnswer: estimated(samples, ({ holders }) => holders),
  };
}

/** From the revocation's request until each other node reports it; every node except the founder is revoked in turn. */
async function revocation(mesh: LocalMesh): Promise<MeshReport["revocation"]> {
  const samples: number[] = [];
  const left = mesh.nodes.slice(1);
  while (left.length > 1) {
    const victim = left.pop();
    if (victim === undefined) break;
    const began = performance.now();
    const seen = Promise.all(left.map((node) => untilRevoked(node, { mesh, name: victim.ready.node, began })));
    await mesh.founder.client(mesh.token).call(revokeNode, { parameters: { node: victim.ready.node } });
    samples.push(...(await seen));
    await victim.stop();
  }
  return {
    samples: samples.length,
    p50Ms: estimateOf(samples),
    p99Ms: rounded(percentile(samples, 0.99)),
  };
}

async function untilAnswers(
  node: NodeProcess,
  options: { mesh: LocalMesh; path: string; began: number },
): Promise<number> {
  const client = node.client(options.mesh.token);
  const call = { method: "POST", body: "[]", headers: { "content-type": "application/json" } } as const;
  await poll(async () => (await client.send(`/fn/${options.path}`, call)).status === 200);
  return performance.now() - options.began;
}

async function untilRevoked(
  node: NodeProcess,
  options: { mesh: LocalMesh; name: string; began: number },
): Promise<number> {
  const client = node.client(options.mesh.token);
  await poll(async () => (await client.call(showMesh)).json.revoked.includes(options.name));
  return performance.now() - options.began;
}

async function settled(node: NodeProcess, mesh: LocalMesh): Promise<void> {
  const client = node.client(mesh.token);
  await poll(async () => {
    const { peers } = (await client.call(showMesh)).json;
    return peers.filter(({ state, rttMs }) => state === "alive" && rttMs !== null).length >= mesh.nodes.length - 1;
  });
}

/** Polls every 10 ms: each poll takes time from the measured work. */
async function poll(holds: () => Promise<boolean>): Promise<void> {
  for (const began = performance.now(); performance.now() - began < limitMs; await sleep(10)) {
    if (await holds().catch(() => false)) return;
  }
  throw new Error(`nothing came of it in ${limitMs} ms`);
}

async function start(folder: string, names: readonly string[]): Promise<LocalMesh> {
  return LocalMesh.start({ folder, names, flags: ["--workers", "1"], settings: { warmCompiler: false } });
}

async function onTwo(folder: string): Promise<Hop[]> {
  const pair = await start(join(folder, "pair"), ["here", "there"]);
  try {
    const body = await readFile(new URL("bench/functions/bench.ts", packageRoot()));
    const headers = { "content-type": "application/typescript" };
    await pair.founder.client(pair.token).send("/v1/apps/bench", { method: "PUT", body, headers });
    return await withEcho(join(folder, "echo"), (echo) => forward(pair, echo));
  } finally {
    await pair.stop();
  }
}

async function onMany(folder: string): Promise<Pick<MeshReport, "propagation" | "revocation">> {
  const names = Array.from({ length: meshSize }, (_none, index) => `node-${index}`);
  const mesh = await start(join(folder, "many"), names);
  try {
    await settled(mesh.founder, mesh);
    return { propagation: await propagation(mesh), revocation: await revocation(mesh) };
  } finally {
    await mesh.stop();
  }
}

async function measureMesh(folder: string): Promise<MeshReport> {
  const hops = await onTwo(folder);
  const alone = await start(join(folder, "alone"), ["first"]);
  const joined = await joining(alone).finally(() => alone.stop());
  return { forward: hops, forwardBetweenLinks: await measureForward(), join: joined, ...(await onMany(folder)) };
}

function keyFigures(report: MeshReport): BenchRun["key"] {
  const better = "lower" as const;
  const hops = report.forward.map(({ connections, overheadP50Micros }) => {
    return { name: `hop at ${connections} connections, p50`, unit: "µs", better, ...overheadP50Micros };
  });
  const { choiceNs, p50UsAt1, p50UsAt32, p99UsAt32, callsPerSecondAt32 } = report.forwardBetweenLinks;
  return [
    ...hops,
    { name: "choice among nine peers", unit: "ns", better, ...choiceNs },
    { name: "call over a link, p50", unit: "µs", better, ...p50UsAt1 },
    { name: "call over a link at 32, p50", unit: "µs", better, ...p50UsAt32 },
    { name: "call over a link at 32, p99", unit: "µs", better, ...p99UsAt32 },
    { name: "calls over a link at 32", unit: "1/s", better: "higher", ...callsPerSecondAt32 },
    { name: "join", unit: "ms", better, ...report.join.joinMs },
    { name: "upload to answer", unit: "ms", better, ...report.propagation.uploadToAnswerMs },
    { name: `upload to all ${meshSize} nodes`, unit: "ms", better, ...report.propagation.uploadToEverywhereMs },
    { name: "revocation, p50", unit: "ms", better, ...report.revocation.p50Ms },
  ];
}

function panelsOf({ forward: hops, join: joined, propagation: spread, revocation: revoked }: MeshReport): BarPanel[] {
  const steps: readonly (readonly [string, Estimate])[] = [
    ["join", joined.joinMs],
    ["start", joined.startAloneMs],
    ["upload to answer", spread.uploadToAnswerMs],
    ["upload to all nodes", spread.uploadToEverywhereMs],
    ["revocation", revoked.p50Ms],
  ];
  const [categories, values] = [steps.map(([name]) => name), steps.map(([, estimate]) => estimate)];
  return [
    {
      kind: "bars",
      title: "A call, p50",
      yLabel: "ms",
      categories: hops.map(({ connections }) => `${connections} connection${connections === 1 ? "" : "s"}`),
      series: [
        { name: "bare HTTPS server", values: hops.map(({ echoP50Ms }) => echoP50Ms) },
        { name: "here", values: hops.map(({ localP50Ms }) => localP50Ms) },
        { name: "one hop away", values: hops.map(({ forwardedP50Ms }) => forwardedP50Ms) },
      ],
    },
    { kind: "bars", title: "What happens rarely", yLabel: "ms", categories, series: [{ name: "", values }] },
  ];
}

await bench("mesh", async () => {
  const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
  try {
    const report = await measureMesh(folder);
    const results = { loadGenerator: generator.name, nodes: meshSize, ...report };
    return { method, key: keyFigures(report), results, panels: panelsOf(report), columns: 2 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
