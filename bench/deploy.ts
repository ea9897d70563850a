// How long does a deploy take, the first one after a start and later ones, and where does the time go?

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { compile } from "../runtime/compile/compile.js";
import { Asc, type CompileStage } from "../runtime/compile/emit/asc.js";
import { readSources } from "../runtime/compile/source/upload-files.js";
import { warmUpSource } from "../runtime/compile/warm-up.js";
import { prepare } from "../runtime/sandbox/prepare/prepare.js";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import { defaultLimits } from "../src/core/limits.js";
import { LocalMesh } from "../src/testing/local-mesh.js";
import { deployMs, program, type Uploads } from "./deploys.js";
import { type BenchRun, bench } from "./report.js";
import { alternate, estimated, paired, repeat } from "./rounds.js";
import { estimateOf } from "./statistics.js";

const sizes = [10, 100, 1_000] as const;
type Size = (typeof sizes)[number];
/** A node that was started has warmed its compiler up by then, ms. */
const warmUpMs = 20_000;
/** Compilations after which the engine has optimized the compiler's code. */
const warmUps = 8;

const stages = ["library", "parse", "compile", "optimize", "componentize", "prepare"] as const;
/** Processor time by stage, ms. `library` is what the compiler's process does while nobody waits. */
type StageTimes = Readonly<Record<(typeof stages)[number], number>>;

interface Report {
  /** Deploys of 100 lines, wall-clock ms: right after the start of a node, once its compiler is warm, later. */
  readonly afterStartMs: { readonly [moment in "atOnce" | "onceWarm" | "second" | "third"]: Estimate };
  /** The first deploy of a warm node ÷ its second. */
  readonly firstToSecond: Estimate;
  /** Deploys to a warm node, wall-clock ms. */
  readonly warmMs: Readonly<Record<Size, Estimate>>;
  /** The same deploy in a mesh of two − alone, of neighbouring rounds, ms. */
  readonly spreadMs: Estimate;
  readonly cpuMs: Readonly<Record<Size, { readonly [stage in keyof StageTimes | "onTheWay"]: Estimate }>>;
  readonly componentBytes: Readonly<Record<Size, number>>;
}

let runs = 0;

/** A program that no compiler has seen. */
const fresh = (lines: number): string => program({ lines, run: ++runs });

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Compiles and prepares `text` in this process. */
async function stageTimes(asc: Asc, text: string): Promise<{ times: StageTimes; bytes: number }> {
  const times = { library: 0, parse: 0, compile: 0, optimize: 0, componentize: 0, prepare: 0 };
  let at = cpuMs();
  let stage: CompileStage | "library" | "prepare" = "library";
  const onStage = (next: typeof stage): void => {
    const now = cpuMs();
    times[stage] += now - at;
    [at, stage] = [now, next];
  };
  asc.prime();
  const request = { ...readSources([{ path: "index.ts", text }], defaultLimits), cpuMs: defaultLimits.compileCpuMs };
  const { component } = await compile({ asc, onStage }, request);
  onStage("prepare");
  await prepare(component, { revision: "bench", limits: defaultLimits });
  onStage("prepare");
  return { times, bytes: component.length };
}

async function byStage(rounds: number): Promise<Pick<Report, "cpuMs" | "componentBytes">> {
  const asc = new Asc();
  for (let warm = 0; warm < warmUps; warm++) await stageTimes(asc, warm % 2 === 0 ? warmUpSource : fresh(100));
  const cpu: [Size, Report["cpuMs"][Size]][] = [];
  const bytes: [Size, number][] = [];
  for (const size of sizes) {
    const results = await repeat(rounds, () => stageTimes(asc, fresh(size)));
    const of = (stage: keyof StageTimes): Estimate => estimated(results, ({ times }) => times[stage]);
    const onTheWay = estimated(results, ({ times: { library, ...others } }) =>
      Object.values(others).reduce((sum, ms) => sum + ms, 0),
    );
    const each = Object.fromEntries(stages.map((stage) => [stage, of(stage)])) as Record<keyof StageTimes, Estimate>;
    cpu.push([size, { ...each, onTheWay }]);
    bytes.push([size, results[0]?.bytes ?? 0]);
  }
  return {
    cpuMs: Object.fromEntries(cpu) as Report["cpuMs"],
    componentBytes: Object.fromEntries(bytes) as Report["componentBytes"],
  };
}

async function withMesh<Result>(
  { folder, names }: { readonly folder: string; readonly names: readonly string[] },
  use: (uploads: Uploads) => Promise<Result>,
): Promise<Result> {
  const mesh = await LocalMesh.start({ folder: join(folder, `mesh-${++runs}`), names });
  try {
    const { ready, ca } = mesh.founder;
    return await use({ url: ready.url, ca, token: mesh.token });
  } finally {
    await mesh.stop();
  }
}

/** The first deploys of nodes that were just started, one node in each round. */
async function afterStart(folder: string, rounds: number): Promise<Pick<Report, "afterStartMs" | "firstToSecond">> {
  const deploys = (waitMs: number) => () =>
    withMesh({ folder, names: ["node"] }, async (uploads) => {
      await sleep(waitMs);
      const [first, second, third] = [
        await deployMs(uploads, fresh(100)),
        await deployMs(uploads, fresh(100)),
        await deployMs(uploads, fresh(100)),
      ];
      return { first, second, third };
    });
  const { atOnce, onceWarm } = await alternate(rounds, { atOnce: deploys(0), onceWarm: deploys(warmUpMs) });
  return {
    afterStartMs: {
      atOnce: estimated(atOnce, ({ first }) => first),
      onceWarm: estimated(onceWarm, ({ first }) => first),
      second: estimated(onceWarm, ({ second }) => second),
      third: estimated(onceWarm, ({ third }) => third),
    },
    firstToSecond: estimated(onceWarm, ({ first, second }) => first / second),
  };
}

/** Later deploys of a node alone, and of one with a peer. */
async function later(folder: string, rounds: number): Promise<Pick<Report, "warmMs" | "spreadMs">> {
  return withMesh({ folder, names: ["alone"] }, (alone) =>
    withMesh({ folder, names: ["one", "other"] }, async (pair) => {
      for (let warm = 0; warm < warmUps; warm++)
        for (const uploads of [alone, pair]) await deployMs(uploads, fresh(100));
      const warm: [Size, Estimate][] = [];
      for (const size of sizes) warm.push([size, estimateOf(await repeat(rounds, () => deployMs(alone, fresh(size))))]);
      const sides = await alternate(rounds, {
        alone: () => deployMs(alone, fresh(100)),
        pair: () => deployMs(pair, fresh(100)),
      });
      return {
        warmMs: Object.fromEntries(warm) as Report["warmMs"],
        spreadMs: paired({ of: sides.pair, to: sides.alone }, (withPeer, without) => withPeer - without),
      };
    }),
  );
}

function keyFigures({ afterStartMs, firstToSecond, warmMs, spreadMs, cpuMs }: Report): BenchRun["key"] {
  const ms = { unit: "ms", better: "lower" } as const;
  return [
    { name: "first deploy of 100 lines, right after the start", ...ms, ...afterStartMs.atOnce },
    { name: "first deploy of 100 lines, compiler warm", ...ms, ...afterStartMs.onceWarm },
    { name: "second deploy of 100 lines", ...ms, ...afterStartMs.second },
    { name: "first ÷ second, compiler warm", unit: "", better: "lower", ...firstToSecond },
    ...sizes.map((size) => ({ name: `warm deploy of ${size} lines`, ...ms, ...warmMs[size] })),
    ...sizes.map((size) => ({ name: `processor time of ${size} lines`, ...ms, ...cpuMs[size].onTheWay })),
    { name: "spread to a peer", ...ms, ...spreadMs },
  ];
}

function panelsOf({ afterStartMs, warmMs, cpuMs }: Report): BarPanel[] {
  const categories = sizes.map((size) => `${size} lines`);
  return [
    {
      kind: "bars",
      title: "A deploy of 100 lines after the start of a node",
      yLabel: "ms",
      categories: ["first, at once", "first, compiler warm", "second", "third"],
      series: [
        {
          name: "until the answer",
          values: [afterStartMs.atOnce, afterStartMs.onceWarm, afterStartMs.second, afterStartMs.third],
        },
      ],
    },
    {
      kind: "bars",
      title: "Warm deploys",
      yLabel: "ms",
      yScale: "log",
      categories,
      series: [
        { name: "until the answer", values: sizes.map((size) => warmMs[size]) },
        { name: "processor time", values: sizes.map((size) => cpuMs[size].onTheWay) },
      ],
    },
    {
      kind: "bars",
      title: "Processor time by stage",
      yLabel: "ms",
      categories,
      series: stages.map((stage) => ({
        name: stage === "library" ? "library, ahead" : stage,
        values: sizes.map((size) => cpuMs[size][stage]),
      })),
    },
  ];
}

const method =
  "Wall-clock time of PUT /v1/apps/APP until the answer, to nodes on this machine: fresh nodes right after they are " +
  `ready, and ${warmUpMs / 1_000} s later when their compiler is warm, in turn; then programs of 10, 100 and 1,000 ` +
  "lines to a warm node; the same upload to a node with a peer, which has to hold it, and without. Processor time by " +
  "stage: the same compiler in this process, warm, garbage collection and the engine's compiler included. Medians " +
  "and 95 % intervals (five rounds or fewer: least to greatest), ratios and differences of neighbouring rounds.";

await bench(
  "deploy",
  async ({ quick }) => {
    const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
    try {
      const report: Report = {
        ...(await byStage(quick ? 5 : 15)),
        ...(await afterStart(folder, quick ? 1 : 5)),
        ...(await later(folder, quick ? 5 : 15)),
      };
      return { method, key: keyFigures(report), results: { ...report }, panels: panelsOf(report) };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  { quick: true },
);
