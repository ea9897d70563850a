// The profiler: calibrates and warms up each kernel, then samples until the estimates are stable or the budget is
// spent.

import type { Clock } from "../core/clock.js";
import { type Kernel, kernels } from "./capacity.js";
import { type Estimate, estimateOf, medianOf } from "./estimate.js";
import type { KernelRun, KernelRunner } from "./kernel-runner.js";
import { type KernelProfile, overallOf, type Profile, type ProfileLength } from "./profile.js";
import { referenceNs } from "./reference.js";

/** How a profile is made. */
export interface ProfilerOptions {
  readonly runner: KernelRunner;
  readonly clock: Clock;
  readonly fingerprint: string;
  readonly length: ProfileLength;
  /**
   * The time that all calls may take together, ms; by default that of the length. Waits for a free machine do not
   * count.
   */
  readonly budgetMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** See {@link Profile.cpuShare}; read at the end; default 1. */
  readonly cpuShare?: (() => number) | undefined;
  /** Receives the progress after each step: from 0 to 1, and never falling. */
  readonly onProgress?: ((progress: number) => void) | undefined;
}

interface Plan {
  /** The aim for one call, ms: short calls disturb other programs less, long ones are disturbed less. */
  readonly sampleMs: number;
  readonly budgetMs: number;
  /** Rounds that are made even when all estimates are stable before. */
  readonly minRounds: number;
}

const plans: { readonly [length in ProfileLength]: Plan } = {
  short: { sampleMs: 5, budgetMs: 1_000, minRounds: 6 },
  full: { sampleMs: 20, budgetMs: 15_000, minRounds: 20 },
};

/** The width of the 95 % confidence interval, as a share of the estimate, below which an estimate is stable. */
const stableWidth = 0.03;
const maxIterations = 2 ** 31;
/** A call is faster than the best before only when it takes less than this share of its time. */
const warmRatio = 0.95;
/** Calls in a row that are not faster, after which the warm-up ends. Fewer may all be delayed on a busy machine. */
const warmUps = 5;
/** The most calls of a warm-up: a bound by time could pass before a busy machine has run for a sample's length. */
const mostWarmUps = 30;
/** The fewest rounds, made even when the budget is spent before: a single round may have been lucky. */
const fewestRounds = 3;
/** The most by which iterations grow from one call of the calibration to the next. */
const growth = 8;
const setUps = 5;
/**
 * The longest time, ms, that a call takes to its worker and back while a core is free. A longer wait counts as run
 * time.
 */
const messageMs = 1;

type Mode = keyof KernelProfile;

/** One kernel on one or all workers. */
interface Series {
  readonly kernel: Kernel;
  readonly mode: Mode;
  readonly workers: number;
  readonly iterations: number;
  /** The time of a call without iterations, ms. */
  readonly setUpMs: number;
  /** Samples: ms of an iteration, divided among the workers. */
  readonly samples: number[];
}

/**
 * Measures a machine, the kernels in turns, so that a disturbance hits all of them alike. Rejects with the signal's
 * reason.
 */
export async function measureProfile(options: ProfilerOptions): Promise<Profile> {
  return new Profiler(options).measure();
}

class Profiler {
  readonly #options: ProfilerOptions;
  readonly #plan: Plan;
  #spentMs = 0;
  #progress = 0;

  constructor(options: ProfilerOptions) {
    this.#options = options;
    const plan = plans[options.length];
    this.#plan = { ...plan, budgetMs: options.budgetMs ?? plan.budgetMs };
  }

  async measure(): Promise<Profile> {
    const { runner, clock, fingerprint, length } = this.#options;
    const series: Series[] = [];
    for (const kernel of kernels) series.push(...(await this.#calibrate(kernel)));
    const { minRounds, budgetMs } = this.#plan;
    for (let round = 0; round < minRounds || series.some((one) => !isStable(one)); round++) {
      // A machine that is too slow for the budget is measured all the same, with the fewest rounds.
      if (this.#spentMs >= budgetMs && round >= fewestRounds) break;
      for (const one of series) await this.#sample(one);
      this.#report(round / minRounds);
    }
    const { workers } = runner;
    const availability = { one: availabilityOf(series, "one"), all: availabilityOf(series, "all") };
    const profiles = Object.fromEntries(
      kernels.map((kernel) => {
        const estimate = (mode: Mode): Estimate => rateOf(series, { kernel, mode, availability: availability[mode] });
        return [kernel, { one: estimate("one"), all: estimate("all") }];
      }),
    ) as Profile["kernels"];
    const overall = overallOf(profiles);
    const cpuShare = this.#options.cpuShare?.() ?? 1;
    return { at: clock.now(), length, fingerprint, workers, kernels: profiles, overall, availability, cpuShare };
  }

  /** Finds the iterations of a sample, once the engine's optimizing compiler has finished. */
  async #calibrate(kernel: Kernel): Promise<Series[]> {
    const { workers } = this.#options.runner;
    // Every worker makes its first instance in this call.
    await this.#run(kernel, { iterations: 0, workers });
    const alone = await this.#setUpMs(kernel, 1);
    const iterations = await this.#warmUp(kernel, alone);
    const one: Series = { kernel, mode: "one", workers: 1, iterations, setUpMs: alone, samples: [] };
    return [one, { ...one, mode: "all", workers, setUpMs: await this.#setUpMs(kernel, workers), samples: [] }];
  }

  /** The time of a call without iterations, ms: the median of several. */
  async #setUpMs(kernel: Kernel, workers: number): Promise<number> {
    const times: number[] = [];
    for (let index = 0; index < setUps; index++) times.push(await this.#run(kernel, { iterations: 0, workers }));
    return medianOf(times);
  }

  /** The iterations of a sample, found by calls that grow until they are long enough and get no faster. */
  async #warmUp(kernel: Kernel, setUpMs: number): Promise<number> {
    const { sampleMs } = this.#plan;
    let iterations = 1;
    let best = Number.POSITIVE_INFINITY;
    for (let calls = 0, notFaster = 0; notFaster < warmUps && calls < mostWarmUps; calls++) {
      const runMs = await this.#run(kernel, { iterations, workers: 1 });
      const ranMs = runMs - setUpMs;
      // The time of a call this short is mostly chance: a lucky call would make all samples many times too long.
      if (ranMs < sampleMs / growth && iterations < maxIterations) {
        iterations = Math.min(maxIterations, iterations * growth);
        continue;
      }
      const perIteration = ranMs / iterations;
      notFaster = perIteration < best * warmRatio ? 0 : notFaster + 1;
      best = Math.min(best, perIteration);
      const wanted = Math.min(maxIterations, Math.max(1, Math.round(sampleMs / best)));
      // A call far shorter than a sample proves little: the next call is longer, but by a bounded step, since this one
      // may have been an accident.
      if (wanted > iterations * 1.25) notFaster = 0;
      iterations = Math.min(wanted, iterations * growth);
    }
    return iterations;
  }

  async #sample({ kernel, iterations, workers, setUpMs, samples }: Series): Promise<void> {
    const times = await this.#times(kernel, { iterations, workers });
    const perMs = times.reduce((sum, ms) => sum + iterations / Math.max(ms - setUpMs, ms / 10), 0);
    samples.push(1 / perMs);
  }

  /**
   * The mean run time of the calls, ms. Their wait for a core is left out: with it, a busy machine would get so few
   * iterations a sample that only the noise of the clock is measured.
   */
  async #run(kernel: Kernel, { iterations, workers }: { iterations: number; workers: number }): Promise<number> {
    const runs = await this.#calls(kernel, { iterations, workers });
    this.#report(0);
    return runs.reduce((sum, { runMs }) => sum + runMs, 0) / runs.length;
  }

  /** The time of each call, ms, with its wait for a core where there are fewer cores than workers. */
  async #times(kernel: Kernel, { iterations, workers }: { iterations: number; workers: number }): Promise<number[]> {
    const runs = await this.#calls(kernel, { iterations, workers });
    return runs.map(({ waitMs, runMs }) => runMs + Math.max(0, waitMs - messageMs));
  }

  async #calls(kernel: Kernel, calls: { iterations: number; workers: number }): Promise<readonly KernelRun[]> {
    const { runner, signal } = this.#options;
    signal?.throwIfAborted();
    const runs = await runner.run(kernel, { ...calls, signal });
    this.#spentMs += Math.max(...runs.map(({ waitMs, runMs }) => waitMs + runMs));
    return runs;
  }

  #report(rounds: number): void {
    const time = Math.min(1, this.#spentMs / this.#plan.budgetMs);
    // The budget or enough stable rounds, whichever comes first, ends the profile.
    this.#progress = Math.max(this.#progress, time, Math.min(0.99, rounds));
    this.#options.onProgress?.(this.#progress);
  }
}

function isStable({ samples }: Series): boolean {
  return 2 * estimateOf(samples).spread < stableWidth;
}

function rateOf(
  series: readonly Series[],
  { kernel, mode, availability }: { kernel: Kernel; mode: Mode; availability: number },
): Estimate {
  const found = series.find((one) => one.kernel === kernel && one.mode === mode);
  const rates = (found?.samples ?? []).map((ms) => (referenceNs[kernel] / 1e6 / ms) * 1_000);
  const { unitsPerSecond, ...rest } = estimateOf(rates);
  return { ...rest, unitsPerSecond: unitsPerSecond * availability };
}

/**
 * The time of all calls at the median's pace, as a share of the time that they took. A single late call is an accident
 * that the median rightly leaves out. But a process that is held half of the time, as by a quota, has many fast calls
 * and a few that stand still, which no median shows.
 */
function availabilityOf(series: readonly Series[], mode: Mode): number {
  let expected = 0;
  let actual = 0;
  for (const { samples, iterations } of series.filter((one) => one.mode === mode)) {
    expected += samples.length * iterations * medianOf(samples);
    actual += iterations * samples.reduce((sum, ms) => sum + ms, 0);
  }
  return Math.min(1, expected / actual);
}
