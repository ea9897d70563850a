// Measures what the workers do: calibrates, warms up, and repeats until the estimates are stable or the time is over.

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
  /** Time that the calls may take together, instead of the length's own; the wait for a free machine does not count. */
  readonly budgetMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** See {@link Profile.cpuShare}; read at the end. 1 when not given. */
  readonly cpuShare?: (() => number) | undefined;
  /** Told after each step: a share of the whole, from 0 to 1, that never falls. */
  readonly onProgress?: ((progress: number) => void) | undefined;
}

interface Plan {
  /** What one call should take: short calls disturb others less, long ones are disturbed less. */
  readonly sampleMs: number;
  readonly budgetMs: number;
  /** Rounds that are made even when all is stable before. */
  readonly minRounds: number;
}

const plans: { readonly [length in ProfileLength]: Plan } = {
  short: { sampleMs: 5, budgetMs: 1_000, minRounds: 6 },
  full: { sampleMs: 20, budgetMs: 15_000, minRounds: 20 },
};

/** An estimate whose 95 % interval is narrower, as a share of it, is stable. */
const stableWidth = 0.03;
const maxIterations = 2 ** 31;
/** A warm call is not faster than the one before by more. */
const warmRatio = 0.95;
/**
 * So many calls in a row that are not faster end the warm-up: on a busy machine a few are all held up, and say nothing.
 */
const warmUps = 5;
/**
 * Calls after which calibration takes what it has: a bound by time would be over before a busy machine has run a
 * sample's length.
 */
const mostWarmUps = 30;
/** Rounds that are made when the time is over before: a single one may have been lucky. */
const fewestRounds = 3;
/** From one call of the calibration to the next at most. */
const growth = 8;
const setUps = 5;
/** A call is this long on its way to a worker and back at most when a core is free for it. */
const messageMs = 1;

type Mode = keyof KernelProfile;

/** One kernel on one or all workers. */
interface Series {
  readonly kernel: Kernel;
  readonly mode: Mode;
  readonly workers: number;
  readonly iterations: number;
  /** What a call takes without iterations. */
  readonly setUpMs: number;
  /** Milliseconds of an iteration, as the workers share it. */
  readonly samples: number[];
}

/**
 * Measures a machine, kernel by kernel in turns, so that what changes with time hits all alike. Rejects with the
 * signal's reason.
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
      // A machine too slow for its budget is measured all the same, as well as it can be.
      if (this.#spentMs >= budgetMs && round >= fewestRounds) break;
      for (const one of series) await this.#sample(one);
      this.#tell(round / minRounds);
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

  /** Finds how many iterations take as long as a sample should, once the engine's optimizing compiler is done. */
  async #calibrate(kernel: Kernel): Promise<Series[]> {
    const { workers } = this.#options.runner;
    // Every worker makes its first instance.
    await this.#run(kernel, { iterations: 0, workers });
    const alone = await this.#setUpMs(kernel, 1);
    const iterations = await this.#warmUp(kernel, alone);
    const one: Series = { kernel, mode: "one", workers: 1, iterations, setUpMs: alone, samples: [] };
    return [one, { ...one, mode: "all", workers, setUpMs: await this.#setUpMs(kernel, workers), samples: [] }];
  }

  /** What a call takes without iterations. */
  async #setUpMs(kernel: Kernel, workers: number): Promise<number> {
    const times: number[] = [];
    for (let index = 0; index < setUps; index++) times.push(await this.#run(kernel, { iterations: 0, workers }));
    return medianOf(times);
  }

  /**
   * The iterations of a sample: found by calls that grow until they are long enough, and do not get faster any more.
   */
  async #warmUp(kernel: Kernel, setUpMs: number): Promise<number> {
    const { sampleMs } = this.#plan;
    let iterations = 1;
    let best = Number.POSITIVE_INFINITY;
    for (let calls = 0, notFaster = 0; notFaster < warmUps && calls < mostWarmUps; calls++) {
      const runMs = await this.#run(kernel, { iterations, workers: 1 });
      const ranMs = runMs - setUpMs;
      // Of a call so short most is chance: a lucky one would make all samples many times too long.
      if (ranMs < sampleMs / growth && iterations < maxIterations) {
        iterations = Math.min(maxIterations, iterations * growth);
        continue;
      }
      const perIteration = ranMs / iterations;
      notFaster = perIteration < best * warmRatio ? 0 : notFaster + 1;
      best = Math.min(best, perIteration);
      const wanted = Math.min(maxIterations, Math.max(1, Math.round(sampleMs / best)));
      // A call far shorter than a sample says little: the next one is longer, by steps, since it may have been an
      // accident.
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
   * Mean milliseconds that the calls ran. How long they waited for a core says nothing of how many iterations make a
   * sample: counted in, a busy machine is measured with so few that what is left to see is the noise of the clock.
   */
  async #run(kernel: Kernel, { iterations, workers }: { iterations: number; workers: number }): Promise<number> {
    const runs = await this.#calls(kernel, { iterations, workers });
    this.#tell(0);
    return runs.reduce((sum, { runMs }) => sum + runMs, 0) / runs.length;
  }

  /** Milliseconds of each call, with its wait for a core when there are fewer of them than workers. */
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

  #tell(rounds: number): void {
    const time = Math.min(1, this.#spentMs / this.#plan.budgetMs);
    // Whichever ends it first: the time, or enough rounds that agree.
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
 * How much longer all calls took than they would have at the median's pace. A single late call is an accident that the
 * median leaves out; a process that is held for half of the time, as by a quota, has many fast calls and few that stand
 * still, which no median shows.
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
