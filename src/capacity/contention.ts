// Whether other programs want the cores that a profile uses: its workers then get less processor time than they run.

import type { Clock } from "../core/clock.js";

/** What {@link Contention} reads. */
export interface ContentionOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** Processor time that this process has used so far, of all its threads, in milliseconds. */
  readonly cpuMs: () => number;
  /** Cores that this process may use, a quota included. */
  readonly cores: number;
}

/** Less worker time than this, in milliseconds, says nothing: a single call may be unlucky. */
const windowMs = 150;
/**
 * Workers that get a smaller share of the time that they want wait for others. One core of two, taken by a compiler,
 * leaves 2/3.
 */
export const uncontended = 0.75;

/**
 * Compares what workers got with what they could have. No signal of the operating system is needed, so it works on all
 * of them.
 */
export class Contention {
  readonly #options: ContentionOptions;
  #wantedMs = 0;
  #gotMs = 0;
  /** The same of all calls, not only of those since the last answer. */
  #allWantedMs = 0;
  #allGotMs = 0;

  constructor(options: ContentionOptions) {
    this.#options = options;
  }

  /** What `run` gives, noted as calls that keep so many workers busy. */
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
   * What all calls got of the time that they wanted: 1 when none had to wait, and when there were too few of them to
   * tell.
   */
  get share(): number {
    return this.#allWantedMs < windowMs ? 1 : Math.min(1, this.#allGotMs / this.#allWantedMs);
  }

  /** Whether the calls since the last answer had to share their cores; false until there were enough of them. */
  wasFelt(): boolean {
    if (this.#wantedMs < windowMs) return false;
    const felt = this.#gotMs < this.#wantedMs * uncontended;
    this.#wantedMs = 0;
    this.#gotMs = 0;
    return felt;
  }
}

/** Processor time that this process has used so far, of all its threads, in milliseconds. */
export function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
