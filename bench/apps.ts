// What do a thousand apps cost a node: its start, its memory, and a call of each in turn?

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Compiler } from "../runtime/compile/compiler.js";
import { leb128 } from "../runtime/interface/binary.js";
import { Catalog } from "../src/catalog/catalog.js";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import { systemClock } from "../src/core/clock.js";
import { defaultLimits } from "../src/core/limits.js";
import { Identity } from "../src/pki/identity/identity.js";
import { loadGenerator } from "./load.js";
import { type MeasuredLoad, measuredLoad } from "./measured-load.js";
import { startNode, type Target } from "./processes.js";
import { type BenchRun, bench } from "./report.js";
import { resident } from "./resident.js";
import { alternate, estimated, paired } from "./rounds.js";
import { estimateOf } from "./statistics.js";

const few = 10;
const many = 1_000;
const connections = 8;
const seconds = 3;
const componentBytes = 10_000;
/** A compiler that warms up would take a core from the node. */
const settings = { warmCompiler: false };
const generator = loadGenerator();
const method =
  `Nodes with ${few} and with ${many} apps of ${componentBytes / 1_000} KB, each of another digest. Starts: from the ` +
  "process to its ready line, on a state folder that holds the apps. Calls: of each app in turn, on both nodes in " +
  `turn, ${connections} connections, load by ${generator.name}; ratios of neighbouring rounds. Processor time is ` +
  "that of all the node's threads. Medians and 95 % intervals.";

const source = "export function add(a: i32, b: i32): i32 { return a + b; }";

/** The component of `source`, with a custom section that makes it `componentBytes` long and another one each time. */
async function components(count: number): Promise<Uint8Array[]> {
  const compiler = new Compiler({ limits: defaultLimits });
  try {
    const { component } = await compiler.compile([{ path: "index.ts", text: source }]);
    const name = Buffer.concat([leb128(4), Buffer.from("pads")]);
    return Array.from({ length: count }, (_, index) => {
      const padding = Buffer.alloc(Math.max(8, componentBytes - component.length - 16));
      padding.writeUInt32LE(index);
      return Buffer.concat([component, Buffer.of(0), leb128(name.length + padding.length), name, padding]);
    });
  } finally {
    await compiler.stop();
  }
}

/** A state folder of a node that has so many apps, as deploys would leave it. */
async function stateWith(folder: string, count: number): Promise<string> {
  const state = join(folder, `apps-${count}`);
  const functions = join(folder, "none");
  await mkdir(functions, { recursive: true });
  await (await startNode(state, { functions, settings })).stop();
  const facts = { ephemeral: false, name: "bench", domains: [], advertise: "localhost", clock: systemClock };
  const identity = await Identity.open({ state, ...facts });
  try {
    const { meshId, signer } = identity;
    const files = await identity.files("catalog");
    const authors = { verify: () => ({ deploy: true, master: true }), isRevoked: () => false };
    const catalog = new Catalog({ files, clock: systemClock, meshId, signer, authors, limits: defaultLimits });
    await catalog.open();
    for (const [index, component] of (await components(count)).entries()) {
      const files = [{ path: "index.ts", text: source }];
      await catalog.put({
        app: `app-${index}`,
        component,
        source: files,
        functions: ["add"],
        public: false,
        by: "bench",
      });
    }
    await catalog.close();
  } finally {
    await identity.close();
  }
  return state;
}

interface Started {
  readonly node: Target;
  readonly startMs: number;
  readonly mebibytes: number;
}

async function start(folder: string, state: string): Promise<Started> {
  const from = performance.now();
  const node = await startNode(state, { functions: join(folder, "none"), settings });
  const startMs = performance.now() - from;
  return { node, startMs, mebibytes: (await resident(node.pid)).node };
}

/** Calls of each app in turn. */
function called(node: Target, count: number): Promise<MeasuredLoad> {
  const paths = Array.from({ length: count }, (_, index) => `/fn/app-${index}/add`);
  return measuredLoad(generator, { ...node, paths, body: "[19,23]", connections, seconds });
}

/** Of all threads, µs a call. */
function cpuMicros({ cpu: { main, worker, rest } }: MeasuredLoad): number {
  return main + worker + rest;
}

interface Side {
  readonly startMs: Estimate;
  /** Resident memory in MiB, once the node serves and after the calls. */
  readonly startedMebibytes: Estimate;
  readonly calledMebibytes: Estimate;
  readonly p50Ms: Estimate;
  readonly cpuMicros: Estimate;
}

interface Report {
  readonly few: Side;
  readonly many: Side;
  readonly cpuRatio: Estimate;
  readonly p50Ratio: Estimate;
}

async function measure(folder: string, rounds: number): Promise<Report> {
  const states = { few: await stateWith(folder, few), many: await stateWith(folder, many) };
  const starts = await alternate(rounds, {
    few: () => startedAndStopped(folder, states.few),
    many: () => startedAndStopped(folder, states.many),
  });
  const nodes = [await start(folder, states.few), await start(folder, states.many)] as const;
  try {
    const calls = await alternate(rounds, {
      few: () => called(nodes[0].node, few),
      many: () => called(nodes[1].node, many),
    });
    const side = async (name: "few" | "many"): Promise<Side> => ({
      startMs: estimated(starts[name], ({ startMs }) => startMs),
      startedMebibytes: estimated(starts[name], ({ mebibytes }) => mebibytes),
      calledMebibytes: estimateOf([(await resident(nodes[name === "few" ? 0 : 1].node.pid)).node]),
      p50Ms: estimated(calls[name], ({ p50 }) => p50),
      cpuMicros: estimated(calls[name], cpuMicros),
    });
    return {
      few: await side("few"),
      many: await side("many"),
      cpuRatio: paired({ of: calls.many, to: calls.few }, (one, other) => cpuMicros(one) / cpuMicros(other)),
      p50Ratio: paired({ of: calls.many, to: calls.few }, (one, other) => one.p50 / other.p50),
    };
  } finally {
    for (const { node } of nodes) await node.stop();
  }
}

async function startedAndStopped(folder: string, state: string): Promise<Started> {
  const started = await start(folder, state);
  await started.node.stop();
  return started;
}

function panelsOf(report: Report): BarPanel[] {
  const categories = [`${few} apps`, `${many} apps`];
  const panel = (title: string, yLabel: string, series: Readonly<Record<string, keyof Side>>): BarPanel => ({
    kind: "bars",
    title,
    yLabel,
    categories,
    series: Object.entries(series).map(([name, key]) => ({ name, values: [report.few[key], report.many[key]] })),
  });
  return [
    panel("Start", "ms", { "to the ready line": "startMs" }),
    panel("Resident memory", "MiB", { started: "startedMebibytes", "after calls of all apps": "calledMebibytes" }),
    panel("A call of each app in turn", "µs", { "processor time": "cpuMicros" }),
    panel("Its latency", "ms", { p50: "p50Ms" }),
  ];
}

function keyFigures({ few: one, many: other, cpuRatio, p50Ratio }: Report): BenchRun["key"] {
  const better = "lower" as const;
  return [
    { name: `start with ${few} apps`, unit: "ms", better, ...one.startMs },
    { name: `start with ${many} apps`, unit: "ms", better, ...other.startMs },
    { name: `memory with ${many} apps, started`, unit: "MiB", better, ...other.startedMebibytes },
    { name: `memory with ${many} apps, called`, unit: "MiB", better, ...other.calledMebibytes },
    { name: `processor time of a call, ${many} apps ÷ ${few}`, unit: "", better, ...cpuRatio },
    { name: `p50 of a call, ${many} apps ÷ ${few}`, unit: "", better, ...p50Ratio },
  ];
}

await bench(
  "apps",
  async ({ quick }) => {
    const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
    try {
      const report = await measure(folder, quick ? 3 : 7);
      return { method, key: keyFigures(report), results: { ...report }, panels: panelsOf(report), columns: 2 };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  { quick: true },
);
