// Pace of a node: expected over observed service time of recent calls, that is its speed now relative to its benchmark.
// Pure.

/**
 * The pace of one node: 1 when calls take the time that the node's capacity and their work predict, 0.25 when they take
 * four times as long. It follows a change within half a second of calls, and tends to 1 without calls. Times are
 * monotonic milliseconds.
 */
export class Pace {
  /** Sums over recent runs, exponentially decayed. */
  #expectedMs = 0;
  #observedMs = 0;
  #runs = 0;
  #decayedAt: number;

  constructor(now: number) {
    this.#decayedAt = now;
  }

  /** Counts runs that ended since the last call. */
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

/** Runs of calls on one node: how long they were expected to take in all, and took. */
export interface Runs {
  readonly runs: number;
  readonly expectedMs: number;
  readonly observedMs: number;
}

/**
 * Half-life of the sums in milliseconds: minHalfLifeMs × enoughRuns / runs, between these two. Shorter follows changes
 * sooner; longer is steadier with few calls.
 */
const minHalfLifeMs = 500;
const maxHalfLifeMs = 4_000;
const enoughRuns = 8;
/** Prior of the pace: this many runs at a pace of 1. More makes the pace steadier and later. */
const doubt = 4;
const slowest = 1 / 32;
const fastest = 4;
/** Below this weight of decayed runs the pace is 1. */
const leastRuns = 1e-3;
