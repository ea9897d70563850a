// Contention: whether other programs use the cores of a profile, whose workers then get less CPU time than they run.

import type { Clock } from "../core/clock.js";

/** What {@link Contention} reads. */
export interface ContentionOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** CPU time that this process has used so far, all threads together, in ms. */
  readonly cpuMs: () => number;
  /** Cores that this process may use, a quota included. */
  readonly cores: number;
}

/** The least worker time, ms, from which contention is judged: a single short call may be delayed by chance. */
const windowMs = 150;
/**
 * The share of their wall time that workers get as CPU time, below which they contend with other programs. A compiler
 * on one of two cores leaves 2/3.
 */
export const uncontended = 0.75;

/**
 * Compares the CPU time that workers got with the time that they could have got. Works on every operating system, since
 * it needs none of its signals.
 */
export class Contention {
  readonly #options: ContentionOptions;
  #wantedMs = 0;
  #gotMs = 0;
  /** The same of all calls, not only of those since the last {@link wasContended} that judged. */
  #allWantedMs = 0;
  #allGotMs = 0;

  constructor(options: ContentionOptions) {
    this.#options = options;
  }

  /** The result of `run`, counted as calls that keep this number of workers busy. */
  async during<Result>(workers: number, run: () => Promise<Result>): Promise<Result> {
    const { clock, cpuMs, cores } = this.#options;
    const [began, before] = [clock.monotonic(), cpuMs()];
    const result = await run();
    const wantedMs = (clock.monotonic() - began) * Math.min(workers, cores);
    const gotMs = cpuMs() - before;
    this.#wantedMs += wantedMs;
    this.#gotMs += gotMs;
    this.#allWantedMs += wantedMs;
    this.#allGotMs += gotMs;
    return result;
  }

  /**
   * The share of the wanted time that all calls got: 1 when none had to wait, and while there were too few calls to
   * judge.
   */
  get share(): number {
    return this.#allWantedMs < windowMs ? 1 : Math.min(1, this.#allGotMs / this.#allWantedMs);
  }

  /**
   * Whether the calls since the last judgement contended with other programs; false until there were enough of them.
   */
  wasContended(): boolean {
    if (this.#wantedMs < windowMs) return false;
    const contended = this.#gotMs < this.#wantedMs * uncontended;
    this.#wantedMs = 0;
    this.#gotMs = 0;
    return contended;
  }
}

/** CPU time that this process has used so far, all threads together, in ms. */
export function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
