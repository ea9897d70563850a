// `npm run mesh`: the thesis's experiment (chapter 5). Three nodes on this machine, one upload, many calls by one node.
//   npm run mesh [-- --keep] [--json]

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { deployApp, listApps } from "../api/apps.js";
import { packageRoot } from "../core/package-root.js";
import { LocalMesh } from "../testing/local-mesh.js";
import { type Answer, callMany } from "../testing/many-calls.js";
import type { NodeProcess } from "../testing/node-process.js";
import { withRetries } from "../testing/retry.js";
import { printJson, printLine, printNotice, printTable } from "./print.js";

const app = "thesis";
const names = ["north", "east", "south"];
const atATime = 48;
const calls = 1_500;
const logLines = 3;
const callTries = 5;
const propagationLimitMs = 180_000;
const pollMs = 10;

/** The functions to call, and the expected answers. */
const functions = [
  { name: "where", body: () => "[200000]", expected: undefined },
  {
    name: "fibonacci",
    body: (index: number) => `[${15 + (index % 10)}]`,
    expected: (index: number) => fib(15 + (index % 10)),
  },
  { name: "factorial", body: (index: number) => `[${index % 13}]`, expected: (index: number) => product(index % 13) },
  { name: "reversed", body: (index: number) => `["call ${index}"]`, expected: reversed },
] as const;

interface Row {
  readonly function: string;
  /** Calls that each node computed, in the order of {@link names}. */
  readonly computed: readonly number[];
  readonly forwarded: number;
  readonly wrong: number;
  readonly localMs: number;
  readonly forwardedMs: number;
}

await main().catch((error: unknown) => {
  printNotice(`the experiment could not be done: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { keep: { type: "boolean" }, json: { type: "boolean" } } });
  const folder = await mkdtemp(join(tmpdir(), "herd-mesh-"));
  printNotice(`starting ${names.join(", ")} in ${folder}`);
  // What a node does by itself in a quiet moment would take cores from the others.
  const settings = { warmCompiler: false };
  const mesh = await LocalMesh.start({ folder, names, flags: ["--workers", "1"], settings });
  const interrupted = new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
  try {
    const wrong = await experiment(mesh, values.json === true);
    if (values.keep) {
      printNotice(`the mesh stays until you press Ctrl-C: herd --state ${mesh.founder.ready.state} node tree`);
      await interrupted;
    }
    if (wrong > 0) process.exitCode = 1;
  } finally {
    await mesh.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the experiment and prints its results; resolves to the number of wrong answers. */
async function experiment(mesh: LocalMesh, json: boolean): Promise<number> {
  const propagation = await propagate(mesh);
  const rows: Row[] = [];
  for (const entry of functions) {
    printNotice(`calling ${app}/${entry.name} ${calls} times through ${mesh.founder.ready.node}`);
    const path = `${app}/${entry.name}`;
    const answers = await callMany(mesh.founder, {
      path,
      body: entry.body,
      calls,
      atATime,
      token: mesh.token,
      tries: callTries,
    });
    rows.push(rowOf(entry, answers));
  }
  const joinMs = mesh.nodes.slice(1).map((node) => Math.round(node.startMs));
  const wrong = rows.reduce((sum, row) => sum + row.wrong, 0);
  if (json) {
    printJson({
      startMs: Math.round(mesh.founder.startMs),
      joinMs,
      ...propagation,
      functions: rows,
      wrong,
    });
    return wrong;
  }
  printLine(
    `\ncalls that each node computed, of ${calls} of each function sent to ${mesh.founder.ready.node}, ` +
      `${atATime} at a time`,
  );
  printTable([
    ["FUNCTION", ...names.map((name) => name.toUpperCase()), "FORWARDED", "WRONG", "HERE MS", "FORWARDED MS"],
    ...rows.map((row) => [
      row.function,
      ...row.computed.map(String),
      String(row.forwarded),
      String(row.wrong),
      row.localMs.toFixed(1),
      row.forwardedMs.toFixed(1),
    ]),
  ]);
  printLine("\ntimings");
  printTable([
    ["  founder, from its start to ready", `${Math.round(mesh.founder.startMs)} ms`],
    ...mesh.nodes
      .slice(1)
      .map((node) => [`  ${node.ready.node}, start, join and ready`, `${Math.round(node.startMs)} ms`]),
    ["  deploy of the source, compiled and acknowledged", `${Math.round(propagation.deployMs)} ms`],
    ["  until every node answered for it", `${Math.round(propagation.everywhereMs)} ms`],
  ]);
  printLine("\nwho let whom in");
  printLine((await mesh.herd(["node", "tree"])).trimEnd());
  printLine("\nthe audit log");
  printLine((await mesh.herd(["audit", "verify"])).trimEnd());
  printLine("\nlast log lines of each node");
  for (const node of mesh.nodes) printLog(node);
  return wrong;
}

/** Deploys at the founder; resolves to the times until the answer, and until each node has the app. */
async function propagate(
  mesh: LocalMesh,
): Promise<{ deployMs: number; everywhereMs: number; nodes: readonly string[] }> {
  const bytes = await readFile(new URL(`functions/${app}.ts`, packageRoot()));
  const began = performance.now();
  const client = mesh.founder.client(mesh.token);
  const put = () => client.call(deployApp, { parameters: { app }, raw: { type: "application/typescript", bytes } });
  const { json: deployed } = await withRetries(`the deploy of ${app}`, put, printNotice);
  const deployMs = performance.now() - began;
  await Promise.all(mesh.nodes.map((node) => untilKnown(node, mesh.token)));
  return { deployMs, everywhereMs: performance.now() - began, nodes: deployed.nodes };
}

async function untilKnown(node: NodeProcess, token: string): Promise<void> {
  const end = performance.now() + propagationLimitMs;
  const apps = () => node.client(token).call(listApps);
  while (performance.now() < end) {
    const known = await withRetries(`the list of ${node.ready.node}'s apps`, apps, printNotice);
    if (known.json.some((entry) => entry.app === app)) return;
    await sleep(pollMs);
  }
  throw new Error(`${node.ready.node} does not have ${app} after ${propagationLimitMs / 1_000} s`);
}

function rowOf(entry: (typeof functions)[number], answers: readonly Answer[]): Row {
  const isRight = (answer: Answer): boolean => {
    const expected = entry.expected === undefined ? JSON.stringify(answer.node) : entry.expected(answer.index);
    return answer.status === 200 && names.includes(answer.node) && answer.text === expected;
  };
  const times = (hops: number) => answers.filter((answer) => answer.hops === hops).map(({ ms }) => ms);
  return {
    function: entry.name,
    computed: names.map((name) => answers.filter(({ node }) => node === name).length),
    forwarded: answers.filter(({ hops }) => hops === 1).length,
    wrong: answers.filter((answer) => !isRight(answer)).length,
    localMs: median(times(0)),
    forwardedMs: median(times(1)),
  };
}

function printLog(node: NodeProcess): void {
  printLine(`  ${node.ready.node}`);
  for (const line of node.lines.slice(-logLines)) printLine(`    ${line.slice(0, 200)}`);
  if (node.lines.length === 0) printLine("    (nothing)");
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function fib(n: number): string {
  let [before, current] = [0, 1];
  for (let step = 1; step < n; step++) [before, current] = [current, before + current];
  return String(current);
}

function product(n: number): string {
  let result = 1;
  for (let factor = 2; factor <= n; factor++) result *= factor;
  return String(result);
}

function reversed(index: number): string {
  return JSON.stringify([...`call ${index}`].reverse().join(""));
}
