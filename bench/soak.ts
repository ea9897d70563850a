// Does a node stay the same for as long as it runs? Threads, descriptors and memory of two nodes under a mix of good
// and hostile work.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LinePanel } from "../src/cli/bench/chart.js";
import { LocalMesh } from "../src/testing/local-mesh.js";
import { type BenchRun, bench } from "./report.js";
import { HostileLoad } from "./soak/hostile-load.js";
import { median } from "./statistics.js";

const method =
  "Two nodes; at each a mix of calls that end well, trap, run into their deadline or out of memory, log, deploys, " +
  "removals, broken sources, broken requests and clients that leave. Flat: the median of the last quarter beside " +
  "that " +
  "of the second.";
const names = ["north", "east"];
const sampleMs = 2_000;

/** Tolerance: a figure is flat when it grows by at most this share of its value, and this much beside. */
const tolerances = {
  threads: { title: "threads", unit: "", share: 0, more: 2 },
  descriptors: { title: "open descriptors", unit: "", share: 0.1, more: 16 },
  memoryMiB: { title: "resident memory", unit: "MiB", share: 0.15, more: 24 },
} as const;
type Figure = keyof typeof tolerances;
const figures = Object.keys(tolerances) as Figure[];

/** Resources of a process, `minutes` after the start. */
type Sample = { readonly minutes: number } & { readonly [figure in Figure]: number };

async function sampleOf(pid: number, minutes: number): Promise<Sample> {
  const [threads, open, status] = await Promise.all([
    readdir(`/proc/${pid}/task`),
    readdir(`/proc/${pid}/fd`),
    readFile(`/proc/${pid}/status`, "utf8"),
  ]);
  const kibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return { minutes, threads: threads.length, descriptors: open.length, memoryMiB: kibibytes / 1_024 };
}

/** The median of a figure in the second and in the last quarter of the samples. */
function quarters(samples: readonly Sample[], figure: Figure): { readonly before: number; readonly after: number } {
  const quarter = Math.floor(samples.length / 4);
  const middle = (part: readonly Sample[]): number => median(part.map((sample) => sample[figure]));
  return { before: middle(samples.slice(quarter, 2 * quarter)), after: middle(samples.slice(3 * quarter)) };
}

/** Every figure that grew, in words; none when all are flat. */
function growth(name: string, samples: readonly Sample[]): string[] {
  return figures.flatMap((figure) => {
    const { before, after } = quarters(samples, figure);
    const { title, unit, share, more } = tolerances[figure];
    const told = `${name}: ${title} grew from ${before.toFixed(0)} to ${after.toFixed(0)} ${unit}`.trimEnd();
    return after > before * (1 + share) + more ? [told] : [];
  });
}

async function soak(minutes: number): Promise<BenchRun> {
  if (process.platform !== "linux") throw new TypeError("threads and descriptors are read from Linux' /proc");
  const folder = await mkdtemp(join(tmpdir(), "herd-soak-"));
  const mesh = await LocalMesh.start({ folder, names, flags: ["--workers", "1"], settings: { warmCompiler: false } });
  try {
    const { token } = mesh;
    const nodes = mesh.nodes.map(({ ready, ca, pid }) => ({ name: ready.node, url: ready.url, ca, token, pid }));
    const loads = nodes.map((node) => new HostileLoad(node));
    const samples = new Map(nodes.map(({ name }) => [name, [] as Sample[]]));
    for (const load of loads) await load.start();
    const from = performance.now();
    for (let passed = 0; passed < minutes; passed = (performance.now() - from) / 60_000) {
      for (const { name, pid } of nodes) samples.get(name)?.push(await sampleOf(pid, passed));
      await sleep(sampleMs);
    }
    await Promise.all(loads.map((load) => load.end()));
    return report({ samples, loads, minutes });
  } finally {
    await mesh.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function report(run: {
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly loads: readonly HostileLoad[];
  readonly minutes: number;
}): BenchRun {
  const { samples, loads, minutes } = run;
  const all = [...samples];
  const grown = all.flatMap(([name, list]) => growth(name, list));
  const wrong = loads.flatMap((load) => load.wrong);
  for (const line of [...grown, ...wrong.slice(0, 20)]) console.error(line);
  if (grown.length > 0 || wrong.length > 0) process.exitCode = 1;
  const panels = figures.map((figure): LinePanel => {
    const { title, unit } = tolerances[figure];
    const series = all.map(([name, list]) => ({
      name,
      points: list.map((sample) => ({ x: sample.minutes, value: sample[figure] })),
    }));
    return { kind: "lines", title, xLabel: "minutes", yLabel: unit, series };
  });
  const key = all.flatMap(([name, list]) =>
    figures.map((figure) => {
      const { title, unit } = tolerances[figure];
      const { after } = quarters(list, figure);
      return { name: `${name}: ${title} at the end`, unit, better: "lower" as const, value: Math.round(after) };
    }),
  );
  const outcomes = Object.fromEntries(
    names.map((name, index) => [name, Object.fromEntries(loads[index]?.outcomes ?? [])]),
  );
  return {
    method: `${minutes} minutes. ${method}`,
    key,
    results: { minutes, grown, wrong: wrong.length, outcomes },
    panels,
  };
}

await bench("soak", ({ minutes = 2 }) => soak(minutes), { minutes: true });
