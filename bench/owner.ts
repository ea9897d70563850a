// The effect of a busy mesh on the owner of a workstation: a foreground program beside idle nodes, nodes that compute
// under the owner's policy, and nodes that compute without it.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { changePolicy } from "../src/api/policy.js";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import { packageRoot } from "../src/core/package-root.js";
import { LocalMesh } from "../src/testing/local-mesh.js";
import { type LoadResult, loadGenerator } from "./load.js";
import { type BenchOptions, type BenchRun, bench } from "./report.js";
import { alternate, estimated, paired } from "./rounds.js";
import { percentile } from "./statistics.js";

const generator = loadGenerator();
const nodes = ["here", "left", "right"];
const callsInFlight = 8;
const settleMs = 3_000;
/** Thousand steps of the loop of `work`: some 8 ms. */
const work = "[5000]";

/** Records of the foreground program in one round, and the results of the guests' calls meanwhile. */
interface Round {
  readonly lateMs: readonly number[];
  readonly computedMs: readonly number[];
  readonly load: readonly LoadResult[];
}

type Noted = Pick<Round, "lateMs" | "computedMs">;

const ways = ["quiet", "limited", "unlimited"] as const;
type Way = (typeof ways)[number];
const titles: { readonly [way in Way]: string } = {
  quiet: "mesh at rest",
  limited: "mesh saturated, owner's policy",
  unlimited: "mesh saturated, no policy",
};

interface Felt {
  readonly lateMs: { readonly [share in "p50" | "p99" | "p999"]: Estimate };
  readonly frameMs: { readonly [share in "p50" | "p99"]: Estimate };
  readonly guestCallsPerSecond: Estimate;
  readonly guestCallsFailed: number;
}

/**
 * Runs the foreground program in a session of its own, as a desktop starts programs: Linux weighs sessions against each
 * other (autogroups, sched(7)), and a thread's scheduling class counts only inside its session.
 */
async function foreground<Noted>(args: readonly (string | number)[]): Promise<Noted> {
  const path = fileURLToPath(new URL("./foreground.js", import.meta.url));
  const child = spawn(process.execPath, [path, ...args.map(String)], {
    detached: process.platform !== "win32",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(await text(child.stdout)) as Noted;
}

/** Sends calls to every node while `during` runs; returns the results of both. */
async function saturated<Result>(
  mesh: LocalMesh,
  options: { seconds: number; during: () => Promise<Result> },
): Promise<{ load: LoadResult[]; result: Result }> {
  const running = mesh.nodes.map((node) =>
    generator.run({
      url: `${node.ready.url}/fn/bench/work`,
      ca: node.ca,
      token: mesh.token,
      body: work,
      connections: callsInFlight,
      seconds: options.seconds,
    }),
  );
  const load = Promise.all(running);
  load.catch(() => undefined);
  await sleep(settleMs);
  const result = await options.during();
  return { load: await load, result };
}

/** Sets the owner mode of every node: `auto` looks for an owner, `none` treats the machine as no workstation. */
async function setOwner(mesh: LocalMesh, owner: "auto" | "none"): Promise<void> {
  for (const node of mesh.nodes) await node.client(mesh.token).call(changePolicy, { body: { owner } });
}

async function measure(mesh: LocalMesh, { quick }: BenchOptions): Promise<Record<Way, Round[]>> {
  const [seconds, rounds] = quick ? [4, 2] : [10, 7];
  const { steps } = await foreground<{ readonly steps: number }>([]);
  const watched = (): Promise<Noted> => foreground<Noted>([seconds, steps]);
  const busy = async (owner: "auto" | "none"): Promise<Round> => {
    await setOwner(mesh, owner);
    const { load, result } = await saturated(mesh, { seconds: seconds + settleMs / 1_000 + 2, during: watched });
    return { ...result, load };
  };
  return alternate(rounds, {
    quiet: async () => {
      await sleep(settleMs);
      return { ...(await watched()), load: [] };
    },
    limited: () => busy("auto"),
    unlimited: () => busy("none"),
  });
}

function felt(rounds: readonly Round[]): Felt {
  const share = (look: (round: Round) => readonly number[], p: number): Estimate =>
    estimated(rounds, (round) => percentile(look(round), p));
  const late = (p: number): Estimate => share((round) => round.lateMs, p);
  const frame = (p: number): Estimate => share((round) => round.computedMs, p);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    lateMs: { p50: late(0.5), p99: late(0.99), p999: late(0.999) },
    frameMs: { p50: frame(0.5), p99: frame(0.99) },
    guestCallsPerSecond: estimated(rounds, ({ load }) => sum(load.map(({ callsPerSecond }) => callsPerSecond))),
    guestCallsFailed: sum(rounds.flatMap(({ load }) => load.map(({ failed }) => failed))),
  };
}

function keyFigures(all: Record<Way, Round[]>): BenchRun["key"] {
  const better = "lower" as const;
  const p99 = ({ lateMs }: Round): number => percentile(lateMs, 0.99);
  const ratio = (way: Way): Estimate => paired({ of: all[way], to: all.quiet }, (one, other) => p99(one) / p99(other));
  const figures = ways.flatMap((way) => {
    const { lateMs, frameMs } = felt(all[way]);
    return [
      { name: `wake-up p99, ${titles[way]}`, unit: "ms", better, ...lateMs.p99 },
      { name: `2 ms of work p99, ${titles[way]}`, unit: "ms", better, ...frameMs.p99 },
    ];
  });
  const share = paired({ of: all.limited, to: all.unlimited }, (one, other) => calls(one) / calls(other));
  return [
    ...figures,
    { name: "wake-up p99, with policy ÷ at rest", unit: "", better, ...ratio("limited") },
    { name: "wake-up p99, without ÷ at rest", unit: "", better: "neither", ...ratio("unlimited") },
    { name: "guests' calls, with ÷ without policy", unit: "", better: "higher", ...share },
  ];
}

function calls({ load }: Round): number {
  return load.reduce((total, { callsPerSecond }) => total + callsPerSecond, 0);
}

function panelsOf(all: Record<Way, Felt>): BarPanel[] {
  const series = (look: (one: Felt) => readonly Estimate[], of: readonly Way[] = ways): BarPanel["series"] =>
    of.map((way) => ({ name: titles[way], values: look(all[way]) }));
  const bars = { kind: "bars" } as const;
  return [
    {
      ...bars,
      title: "How late a sleep of 5 ms ends",
      yLabel: "ms",
      yScale: "log",
      categories: ["p50", "p99", "p99.9"],
      series: series(({ lateMs }) => [lateMs.p50, lateMs.p99, lateMs.p999]),
    },
    {
      ...bars,
      title: "How long 2 ms of work take",
      yLabel: "ms",
      yScale: "log",
      categories: ["p50", "p99"],
      series: series(({ frameMs }) => [frameMs.p50, frameMs.p99]),
    },
    {
      ...bars,
      title: "What guests get done",
      yLabel: "calls/s",
      categories: ["calls of some 8 ms"],
      series: series((one) => [one.guestCallsPerSecond], ["limited", "unlimited"]),
    },
  ];
}

async function onMesh(folder: string, options: BenchOptions): Promise<Record<Way, Round[]>> {
  const mesh = await LocalMesh.start({ folder: join(folder, "mesh"), names: nodes, settings: { warmCompiler: false } });
  try {
    const body = await readFile(new URL("bench/functions/bench.ts", packageRoot()));
    const headers = { "content-type": "application/typescript" };
    await mesh.founder.client(mesh.token).send("/v1/apps/bench", { method: "PUT", body, headers });
    return await measure(mesh, options);
  } finally {
    await mesh.stop();
  }
}

const method =
  `A program in the normal scheduling class, in a session of its own, sleeps 5 ms and computes for 2 ms, ` +
  `over and over, ` +
  `beside ${nodes.length} nodes on the same machine: at rest; saturated by ${callsInFlight} calls of some 8 ms in ` +
  `flight at each (${generator.name}), the owner counting as active; and the same with policy owner none. In turn ` +
  "within one run; percentiles of each round, their medians and 95 % intervals over the rounds.";

await bench(
  "owner",
  async (options) => {
    const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
    try {
      const rounds = await onMesh(folder, options);
      const all = { quiet: felt(rounds.quiet), limited: felt(rounds.limited), unlimited: felt(rounds.unlimited) };
      return {
        method,
        key: keyFigures(rounds),
        results: { loadGenerator: generator.name, ...all },
        panels: panelsOf(all),
        columns: 2,
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  { quick: true },
);
