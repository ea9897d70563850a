// How fast a node is now against what its benchmark says: expected over observed run time of the calls that it answered. Pure.

/**
 * The pace of one node: 1 when it runs calls as fast as its capacity and their work let expect, 0.25 when it takes four times as
 * long. It follows a change within half a second of calls, and tends to 1 when there are none. Times are monotonic milliseconds.
 */
export class Pace {
  /** Sums over the runs of late, decayed; and what came since they were. */
  #expectedMs = 0;
  #observedMs = 0;
  #runs = 0;
  #newExpectedMs = 0;
  #newObservedMs = 0;
  #newRuns = 0;
  #foldedAt: number;

  constructor(now: number) {
    this.#foldedAt = now;
  }

  /** Counts a run. */
  add({ expectedMs, observedMs }: Run, now: number): void {
    this.#newExpectedMs += expectedMs;
    // A pause of the whole machine says little about runs that are far shorter.
    this.#newObservedMs += Math.min(observedMs, maxRatio * expectedMs);
    this.#newRuns++;
    if (now - this.#foldedAt >= foldMs) this.#fold(now);
  }

  /** The pace now, from 1/32 to 4. */
  at(now: number): number {
    if (now - this.#foldedAt >= foldMs) this.#fold(now);
    const runs = this.#runs + this.#newRuns;
    if (runs < leastRuns) return 1;
    const expectedMs = this.#expectedMs + this.#newExpectedMs;
    const doubtMs = (expectedMs / runs) * doubt;
    const pace = (expectedMs + doubtMs) / (this.#observedMs + this.#newObservedMs + doubtMs);
    return Math.max(slowest, Math.min(fastest, pace));
  }

  #fold(now: number): void {
    const halfLifeMs = Math.min(maxHalfLifeMs, minHalfLifeMs * Math.max(1, enoughRuns / (this.#runs + this.#newRuns)));
    const left = 2 ** ((this.#foldedAt - now) / halfLifeMs);
    this.#expectedMs = this.#expectedMs * left + this.#newExpectedMs;
    this.#observedMs = this.#observedMs * left + this.#newObservedMs;
    this.#runs = this.#runs * left + this.#newRuns;
    this.#newExpectedMs = 0;
    this.#newObservedMs = 0;
    this.#newRuns = 0;
    this.#foldedAt = now;
  }
}

/** How long a call was expected to run, and ran. */
export interface Run {
  readonly expectedMs: number;
  readonly observedMs: number;
}

/** Half of what was seen is forgotten after this time while runs are many, and after up to the second while they are few. */
const minHalfLifeMs = 500;
const maxHalfLifeMs = 4_000;
const enoughRuns = 8;
/** So many runs at a pace of 1 are taken to have come before all others. */
const doubt = 4;
const maxRatio = 128;
const slowest = 1 / 32;
const fastest = 4;
/** What is left of fewer runs says nothing. */
const leastRuns = 1e-3;
/** Decaying costs more than adding. */
const foldMs = 20;
