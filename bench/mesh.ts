// What does a mesh cost? One hop over a call here, a join over a plain start, a new app on ten nodes, a revocation on ten nodes.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { LocalMesh } from "../src/cli/experiment/local-mesh.js";
import type { NodeProcess } from "../src/cli/experiment/node-process.js";
import { systemClock } from "../src/core/clock.js";
import { packageRoot } from "../src/core/package-root.js";
import { Identity } from "../src/pki/identity.js";
import { withKeyFiles } from "../src/pki/key-files.js";
import { measureForward } from "./forward.js";
import { type LoadOptions, loadGenerator } from "./load.js";
import { machine } from "./machine.js";
import { startEcho } from "./processes.js";
import { median, percentile, rounded } from "./statistics.js";

const generator = loadGenerator();
const rounds = 5;
const seconds = 2;
const meshSize = 10;
const results = fileURLToPath(new URL("bench/results/mesh.json", packageRoot()));
const limitMs = 30_000;

interface MeshBody {
  readonly peers: readonly { readonly name: string; readonly state: string; readonly rttMs: number | null }[];
  readonly revoked: readonly string[];
}

/**
 * p50 of a call that is bound to this node, of the same call bound to the peer, and of a bare echo, in turn; overhead is the median
 * of their differences. Bound, since under load this node would give away some of its own.
 */
async function forward(mesh: LocalMesh, folder: string): Promise<Record<string, unknown>[]> {
  const [here, there] = mesh.nodes;
  if (here === undefined || there === undefined) throw new TypeError("two nodes are needed");
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
    await settled(here, mesh);
    const rows: Record<string, unknown>[] = [];
    for (const connections of [1, 32]) {
      const common = { body: "[19,23]", connections, seconds };
      const boundTo = (node: NodeProcess): LoadOptions => ({
        ...common,
        url: `${here.ready.url}/fn/bench/add`,
        ca: here.ca,
        token: mesh.token,
        headers: { "herd-node": node.ready.node },
      });
      const [local, hop] = [boundTo(here), boundTo(there)];
      const bare: LoadOptions = { ...common, url: echo.url, ca: echo.ca };
      for (const warm of [local, hop, bare]) await generator.run(warm);
      const samples: { local: number; hop: number; echo: number }[] = [];
      for (let round = 0; round < rounds; round++) {
        const [a, b, c] = [await generator.run(local), await generator.run(hop), await generator.run(bare)];
        if (a.failed + b.failed + c.failed > 0) throw new Error("calls failed");
        samples.push({ local: a.p50, hop: b.p50, echo: c.p50 });
      }
      rows.push({
        connections,
        localP50Ms: rounded(median(samples.map((sample) => sample.local))),
        forwardedP50Ms: rounded(median(samples.map((sample) => sample.hop))),
        echoP50Ms: rounded(median(samples.map((sample) => sample.echo))),
        overheadP50Micros: rounded(1_000 * median(samples.map((sample) => sample.hop - sample.local))),
        forwardedToEcho: rounded(median(samples.map((sample) => sample.hop / sample.echo))),
      });
    }
    return rows;
  } finally {
    await echo.stop();
    identity.close();
  }
}

/** Starts with a join beside plain starts of the same node. */
async function joining(mesh: LocalMesh): Promise<Record<string, unknown>> {
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
    startWithJoinMs: rounded(median(samples.map(({ join: ms }) => ms))),
    startAloneMs: rounded(median(samples.map(({ start }) => start))),
    joinMs: rounded(median(samples.map(({ join: ms, start }) => ms - start))),
  };
}

/** From the upload of a new app until its answer, and until each node answers calls of it; the first part is its compilation. */
async function propagation(mesh: LocalMesh): Promise<Record<string, unknown>> {
  const samples: { answered: number; everywhere: number; holders: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const text = `export function one(): i32 { return ${round}; }`;
    const began = performance.now();
    const everywhere = Promise.all(
      mesh.nodes.map((node) => untilAnswers(node, { mesh, path: `new-${round}/one`, began })),
    );
    const headers = { "content-type": "application/typescript" };
    const put = { method: "PUT", body: text, headers } as const;
    const { nodes } = await mesh.founder.client(mesh.token).json<{ nodes: string[] }>(`/v1/apps/new-${round}`, put);
    const answered = performance.now() - began;
    const slowest = Math.max(...(await everywhere));
    // The first warms the compiler.
    if (round > 0) samples.push({ answered, everywhere: slowest, holders: nodes.length });
  }
  return {
    nodes: mesh.nodes.length,
    uploadToAnswerMs: rounded(median(samples.map(({ answered }) => answered))),
    uploadToEverywhereMs: rounded(median(samples.map(({ everywhere }) => everywhere))),
    holdersInAnswer: median(samples.map(({ holders }) => holders)),
  };
}

/** From the request to revoke until each other node says so; every node but the founder is revoked in turn. */
async function revocation(mesh: LocalMesh): Promise<Record<string, unknown>> {
  const samples: number[] = [];
  const left = mesh.nodes.slice(1);
  while (left.length > 1) {
    const victim = left.pop();
    if (victim === undefined) break;
    const began = performance.now();
    const seen = Promise.all(left.map((node) => untilRevoked(node, { mesh, name: victim.ready.node, began })));
    await mesh.founder.client(mesh.token).send(`/v1/nodes/${victim.ready.node}/revoke`, { method: "POST", body: "{}" });
    samples.push(...(await seen));
    await victim.stop();
  }
  return {
    samples: samples.length,
    p50Ms: rounded(percentile(samples, 0.5)),
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
  await poll(async () => (await client.json<MeshBody>("/v1/mesh")).revoked.includes(options.name));
  return performance.now() - options.began;
}

async function settled(node: NodeProcess, mesh: LocalMesh): Promise<void> {
  const client = node.client(mesh.token);
  await poll(async () => {
    const { peers } = await client.json<MeshBody>("/v1/mesh");
    return peers.filter(({ state, rttMs }) => state === "alive" && rttMs !== null).length >= mesh.nodes.length - 1;
  });
}

/** Asks every 10 ms: what is asked takes time from what is measured. */
async function poll(holds: () => Promise<boolean>): Promise<void> {
  for (const began = performance.now(); performance.now() - began < limitMs; await sleep(10)) {
    if (await holds().catch(() => false)) return;
  }
  throw new Error(`nothing came of it in ${limitMs} ms`);
}

async function start(folder: string, names: readonly string[]): Promise<LocalMesh> {
  return LocalMesh.start({ folder, names, flags: ["--workers", "1"] });
}

const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
try {
  const pair = await start(join(folder, "pair"), ["here", "there"]);
  const body = await readFile(new URL("bench/functions/bench.ts", packageRoot()));
  const headers = { "content-type": "application/typescript" };
  await pair.founder.client(pair.token).send("/v1/apps/bench", { method: "PUT", body, headers });
  const forwarded = await forward(pair, folder).finally(() => pair.stop());
  const alone = await start(join(folder, "alone"), ["first"]);
  const join10 = await joining(alone).finally(() => alone.stop());
  const names = Array.from({ length: meshSize }, (_none, index) => `node-${index}`);
  const ten = await start(join(folder, "ten"), names);
  let spread: Record<string, unknown>;
  let revoked: Record<string, unknown>;
  try {
    await settled(ten.founder, ten);
    spread = await propagation(ten);
    revoked = await revocation(ten);
  } finally {
    await ten.stop();
  }
  const report = {
    question: "What does a mesh cost?",
    at: new Date().toISOString(),
    machine: machine(),
    loadGenerator: generator.name,
    forward: forwarded,
    forwardBetweenLinks: await measureForward(),
    join: join10,
    propagation: spread,
    revocation: revoked,
  };
  console.log(JSON.stringify(report, null, 2));
  await writeFile(results, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
