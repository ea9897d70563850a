// How fast a node is now against what its benchmark says: expected over observed service time of the calls that it answered. Pure.

/**
 * The pace of one node: 1 when it runs calls as fast as its capacity and their work let expect, 0.25 when it takes four times as
 * long. It follows a change within half a second of calls, and tends to 1 when there are none. Times are monotonic milliseconds.
 */
export class Pace {
  /** Sums over the runs of late, decayed. */
  #expectedMs = 0;
  #observedMs = 0;
  #runs = 0;
  #decayedAt: number;

  constructor(now: number) {
    this.#decayedAt = now;
  }

  /** Counts some runs that ended of late. */
  add({ runs, expectedMs, observedMs }: Runs, now: number): void {
    this.#decay(now);
    this.#expectedMs += expectedMs;
    this.#observedMs += observedMs;
    this.#runs += runs;
  }

  /** The pace now, from 1/32 to 4. */
  at(now: number): number {
    this.#decay(now);
    if (this.#runs < leastRuns) return 1;
    const doubtMs = (this.#expectedMs / this.#runs) * doubt;
    const pace = (this.#expectedMs + doubtMs) / (this.#observedMs + doubtMs);
    return Math.max(slowest, Math.min(fastest, pace));
  }

  #decay(now: number): void {
    const halfLifeMs = Math.min(maxHalfLifeMs, minHalfLifeMs * Math.max(1, enoughRuns / this.#runs));
    const left = 2 ** ((this.#decayedAt - now) / halfLifeMs);
    this.#expectedMs *= left;
    this.#observedMs *= left;
    this.#runs *= left;
    this.#decayedAt = now;
  }
}

/** Some runs of calls on one node: how long they were expected to take, and took, in all. */
export interface Runs {
  readonly runs: number;
  readonly expectedMs: number;
  readonly observedMs: number;
}

/** Half of what was seen is forgotten after this time while runs are many, and after up to the second while they are few. */
const minHalfLifeMs = 500;
const maxHalfLifeMs = 4_000;
const enoughRuns = 8;
/** So many runs at a pace of 1 are taken to have come before all others. */
const doubt = 4;
const slowest = 1 / 32;
const fastest = 4;
/** What is left of fewer runs says nothing. */
const leastRuns = 1e-3;
