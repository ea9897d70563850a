// Seeded mutations of bytes that were good once, and what whoever reads them owes: an answer in time, within memory, of
// a known kind.

import assert from "node:assert/strict";
import { seeded } from "../harness/virtual/virtual-time.js";

/** Inputs of a kind that a run tries: HERD_FUZZ says how many of all kinds together. */
export function fuzzRuns(share: number): number {
  return Math.ceil(Number(process.env.HERD_FUZZ ?? 2_000) * share);
}

/** One input may take so long, on a machine that does other things too. */
const longestMs = 1_000;
/** What a process may hold more at the end than at the start. */
const mostGrowthBytes = 256 * 2 ** 20;
const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x0d, 0x0a, 0x20, 0x22, 0x2c, 0x3a, 0x5b, 0x7b];

/** A copy of `bytes` with one to eight mutations: bits, bytes, runs that are dropped, doubled, moved or filled. */
export function mutated(bytes: Uint8Array, random: () => number): Buffer {
  let copy = Buffer.from(bytes);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let left = 1 + below(random() < 0.5 ? 1 : 8); left > 0 && copy.length > 0; left--) {
    const at = below(copy.length);
    const run = copy.subarray(at, at + 1 + below(random() < 0.9 ? 8 : copy.length));
    const [before, after] = [copy.subarray(0, at), copy.subarray(at + run.length)];
    switch (below(6)) {
      case 0:
        copy[at] = (copy[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        copy[at] = interesting[below(interesting.length)] ?? 0;
        break;
      case 2:
        copy = Buffer.concat([before, after]);
        break;
      case 3:
        copy = Buffer.concat([
          before,
          ...Array.from({ length: 1 + below(random() < 0.95 ? 3 : 200) }, () => run),
          after,
        ]);
        break;
      case 4:
        copy = Buffer.concat([after, run, before]);
        break;
      default:
        copy.fill(below(256), at, at + run.length);
    }
  }
  return copy;
}

/** What is tried, and what may come of it. */
export interface Fuzzed {
  readonly runs: number;
  /** Good inputs. */
  readonly seeds: readonly Uint8Array[];
  /** What becomes of a good input; {@link mutated} unless told. */
  mutate?(seed: Uint8Array, random: () => number): Buffer;
  /** Reads an input. It may throw what `allows` says. */
  read(input: Buffer): unknown;
  allows(error: unknown): boolean;
}

/** What became of the inputs of a kind. */
export interface FuzzFigures {
  readonly inputs: number;
  readonly accepted: number;
  /** Of one input, in CPU time of the process. */
  readonly longestMs: number;
  /** Of the process, from the first input to the last. */
  readonly grownBytes: number;
}

/**
 * Reads mutated inputs; rejects at the first that takes too long, throws something else, or when memory grows over its
 * bound.
 */
export async function fuzz(name: string, { runs, seeds, read, allows, mutate = mutated }: Fuzzed): Promise<void> {
  const random = seeded(Number(process.env.HERD_SEED ?? 1));
  const before = process.memoryUsage().rss;
  let [accepted, longest] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const input = mutate(seeds[run % seeds.length] ?? Buffer.alloc(0), random);
    const cpu = process.cpuUsage();
    try {
      await read(input);
      accepted++;
    } catch (error) {
      if (!allows(error))
        throw new Error(`${name}, run ${run}: ${input.toString("base64").slice(0, 4_000)}`, { cause: error });
    }
    const { user, system } = process.cpuUsage(cpu);
    longest = Math.max(longest, (user + system) / 1_000);
    assert.ok(longest < longestMs, `${name}, run ${run} took ${longest} ms of CPU`);
  }
  const grownBytes = process.memoryUsage().rss - before;
  tell(name, { inputs: runs, accepted, longestMs: longest, grownBytes });
  assert.ok(grownBytes < mostGrowthBytes, `${name}: ${Math.round(grownBytes / 2 ** 20)} MiB more after ${runs} runs`);
}

/** A line of a long run's table. */
export function tell(name: string, { inputs, accepted, longestMs, grownBytes }: FuzzFigures): void {
  if (process.env.HERD_FUZZ === undefined) return;
  const fate = `${accepted} accepted, ${inputs - accepted} refused`;
  const cost = `longest ${Math.round(longestMs)} ms, ${Math.round(grownBytes / 2 ** 20)} MiB more`;
  console.log(`fuzz: ${name}: ${inputs} inputs, ${fate}, ${cost}`);
}
