// A clock that stands still until a test moves it.

import type { Clock } from "../../../src/core/clock.js";

/**
 * Both clocks of {@link Clock} under a test's hand; `advance` moves them together, `set` makes the epoch clock jump.
 */
export class ManualClock implements Clock {
  #now: number;
  #monotonic = 0;

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    this.#monotonic += milliseconds;
  }

  set(now: number): void {
    this.#now = now;
  }
}
