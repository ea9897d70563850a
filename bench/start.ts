// How soon does a node serve, and what does it hold when nobody calls? From the bundle, and from single modules.

import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import { packageRoot } from "../src/core/package-root.js";
import { startNode, type Target } from "./processes.js";
import { type BenchRun, bench } from "./report.js";
import { type Resident, resident } from "./resident.js";
import { alternate, estimated, paired } from "./rounds.js";
import { threadTimes } from "./thread-cpu.js";

const aims = { secondStartMs: 500, idleMebibytes: 100 };
const ways = { bundle: true, modules: false } as const;
type Way = keyof typeof ways;
const names = Object.keys(ways) as Way[];

/** Calls of a function before a node is left alone. */
const calls = 20;
/** When an idle node is looked at, ms after its last call: soon, and once it has measured its capacity. */
const looksMs = { early: 30_000, late: 90_000 };

const method =
  "`herd up` with one app of AssemblyScript, from its process' start to its ready line, on a new state folder and on " +
  "the same again; from the bundle and from its modules in turn. Medians and 95 % intervals, ratios of neighbouring " +
  "rounds. Processor time is the kernel's account until the ready line. Memory is resident memory after a second " +
  `start and ${calls} calls, ${looksMs.early / 1_000} s and ${looksMs.late / 1_000} s after the last one; the ` +
  "compiler that waits for an upload is a process of its own.";

/** One start. */
interface Start {
  readonly readyMs: number;
  /** Processor time of the main thread, and of all threads; NaN where the kernel does not tell. */
  readonly mainMs: number;
  readonly allMs: number;
}

interface Idle {
  readonly early: Resident;
  readonly late: Resident;
}

interface Measured {
  readonly starts: Readonly<Record<Way, readonly { readonly first: Start; readonly second: Start }[]>>;
  readonly idle: Readonly<Record<Way, readonly Idle[]>>;
}

const functions = fileURLToPath(new URL("bench/functions", packageRoot()));

async function start(state: string, way: Way): Promise<{ node: Target; start: Start }> {
  const from = performance.now();
  const node = await startNode(state, { functions, bundled: ways[way] });
  const readyMs = performance.now() - from;
  const times = await threadTimes(node.pid);
  const all = [...times.values()].reduce((sum, time) => sum + time, times.size === 0 ? Number.NaN : 0);
  const main = times.get(String(node.pid)) ?? Number.NaN;
  return { node, start: { readyMs, mainMs: main / 1e6, allMs: all / 1e6 } };
}

async function startTwice(folder: string, way: Way): Promise<{ first: Start; second: Start }> {
  const state = await mkdtemp(join(folder, "state-"));
  const both: Start[] = [];
  for (let count = 0; count < 2; count++) {
    const { node, start: measured } = await start(state, way);
    both.push(measured);
    await node.stop();
  }
  const [first, second] = both as [Start, Start];
  return { first, second };
}

/** A node's memory after a second start and some calls. */
async function idleOf(folder: string, way: Way): Promise<Idle> {
  const state = await mkdtemp(join(folder, "idle-"));
  await (await start(state, way)).node.stop();
  const { node } = await start(state, way);
  try {
    for (let call = 0; call < calls; call++) await add(node);
    await sleep(looksMs.early);
    const early = await resident(node.pid);
    await sleep(looksMs.late - looksMs.early);
    return { early, late: await resident(node.pid) };
  } finally {
    await node.stop();
  }
}

function add({ url, ca, token }: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const agent = new Agent({ ca });
    const sent = request(`${url}/fn/bench/add`, { method: "POST", agent, headers }, (response) => {
      response.resume().once("end", () => {
        agent.destroy();
        if (response.statusCode === 200) resolve();
        else reject(new Error(`the call was answered with ${response.statusCode}`));
      });
    });
    sent.once("error", reject);
    sent.end("[19,23]");
  });
}

async function measure(folder: string, { starts, idle }: { starts: number; idle: number }): Promise<Measured> {
  const each = <Result>(run: (way: Way) => Promise<Result>): Record<Way, () => Promise<Result>> => ({
    bundle: () => run("bundle"),
    modules: () => run("modules"),
  });
  const measured = await alternate(
    starts,
    each((way) => startTwice(folder, way)),
  );
  const memory: Record<Way, Idle[]> = { bundle: [], modules: [] };
  for (let round = 0; round < idle; round++) for (const way of names) memory[way].push(await idleOf(folder, way));
  return { starts: measured, idle: memory };
}

/** The figures of one way. */
function figuresOf({ starts, idle }: Measured, way: Way): Record<string, Required<Estimate>> {
  const of = (which: "first" | "second", what: keyof Start): Required<Estimate> =>
    estimated(starts[way], (one) => one[which][what]);
  return {
    firstReadyMs: of("first", "readyMs"),
    secondReadyMs: of("second", "readyMs"),
    secondMainMs: of("second", "mainMs"),
    secondAllMs: of("second", "allMs"),
    idleMebibytes: estimated(idle[way], ({ late }) => late.node),
    earlyMebibytes: estimated(idle[way], ({ early }) => early.node),
    compilerMebibytes: estimated(idle[way], ({ late }) => late.children),
  };
}

/** Key figures: what is shown, with its unit. */
const shown = {
  firstReadyMs: ["ready, first start", "ms"],
  secondReadyMs: ["ready, second start", "ms"],
  secondMainMs: ["main thread until ready, second start", "ms"],
  secondAllMs: ["all threads until ready, second start", "ms"],
  idleMebibytes: ["idle node", "MiB"],
  earlyMebibytes: ["30 s after a call", "MiB"],
  compilerMebibytes: ["warm compiler", "MiB"],
} as const;
type Shown = keyof typeof shown;

function report(measured: Measured): Omit<BenchRun, "method"> {
  const figures = Object.fromEntries(names.map((way) => [way, figuresOf(measured, way)]));
  const of = (way: Way, name: Shown): Estimate | undefined => figures[way]?.[name];
  const key = names.flatMap((way) =>
    (Object.keys(shown) as Shown[]).flatMap((name) => {
      const value = of(way, name);
      const [title, unit] = shown[name];
      return value === undefined ? [] : [{ name: `${way}: ${title}`, unit, better: "lower" as const, ...value }];
    }),
  );
  const { bundle, modules } = measured.starts;
  const ratios = {
    readyMs: paired({ of: bundle, to: modules }, (one, other) => one.second.readyMs / other.second.readyMs),
    mainMs: paired({ of: bundle, to: modules }, (one, other) => one.second.mainMs / other.second.mainMs),
  };
  const compared = { unit: "", better: "lower" as const };
  return {
    key: [
      ...key,
      { name: "bundle ÷ modules: ready, second start", ...compared, ...ratios.readyMs },
      { name: "bundle ÷ modules: main thread", ...compared, ...ratios.mainMs },
    ],
    results: { figures, ratios, rounds: measured },
    panels: [
      panel("Ready", { yLabel: "ms", list: ["firstReadyMs", "secondReadyMs"], aim: aims.secondStartMs, of }),
      panel("Processor time of the second start", { yLabel: "ms", list: ["secondMainMs", "secondAllMs"], of }),
      panel("Resident memory", {
        yLabel: "MiB",
        list: ["idleMebibytes", "earlyMebibytes", "compilerMebibytes"],
        aim: aims.idleMebibytes,
        of,
      }),
    ],
    columns: 2,
  };
}

function panel(
  title: string,
  about: {
    readonly yLabel: string;
    readonly list: readonly Shown[];
    readonly aim?: number;
    readonly of: (way: Way, name: Shown) => Estimate | undefined;
  },
): BarPanel {
  const { yLabel, list, aim, of } = about;
  const series = names.map((way) => ({ name: way as string, values: list.map((name) => of(way, name)) }));
  const isAimed = (name: Shown): boolean => name === "secondReadyMs" || name === "idleMebibytes";
  if (aim !== undefined)
    series.push({ name: "aim", values: list.map((name) => (isAimed(name) ? { value: aim } : undefined)) });
  return { kind: "bars", title, yLabel, categories: list.map((name) => shown[name][0]), series };
}

await bench(
  "start",
  async ({ quick }) => {
    const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
    try {
      const rounds = quick ? { starts: 3, idle: 1 } : { starts: 9, idle: 3 };
      return { method, ...report(await measure(folder, rounds)) };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  { quick: true },
);
