// Time, chance and order under the control of a test: the same seed gives the same run.

import type { Clock } from "../../../src/core/clock.js";
import type { Random, Timers } from "../../../src/core/timers.js";

/** A generator of numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = (seed * 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Event {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** A clock that jumps from event to event. */
export class VirtualTime implements Clock, Timers {
  readonly #heap: Event[] = [];
  #now = 0;
  #order = 0;
  /** Events that ran. */
  events = 0;

  now(): number {
    return Date.UTC(2026, 0, 1) + Math.floor(this.#now);
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /**
   * Runs every event of the next `ms` milliseconds, each with all that follows from it before the next event. Stops
   * once `done` holds, checked after each event; resolves to whether it holds.
   */
  async advance(ms: number, done: () => boolean = () => false): Promise<boolean> {
    const end = this.#now + ms;
    await turn();
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      if (done()) return true;
      this.#pop();
      if (next.run === undefined) continue;
      this.#now = Math.max(this.#now, next.at);
      this.events += 1;
      next.run();
      await turn();
    }
    if (done()) return true;
    this.#now = end;
    return false;
  }

  /** Advances in steps until `done`; throws with `what` after `ms`. Resolves to the milliseconds that took. */
  async until(done: () => boolean, { ms, what }: { readonly ms: number; readonly what: string }): Promise<number> {
    const start = this.#now;
    while (!done()) {
      if (this.#now - start >= ms) throw new Error(`${what}: not within ${ms} ms`);
      await this.advance(10);
    }
    return this.#now - start;
  }

  /** The value of a promise that needs time to pass; throws when it has not settled after `ms`. */
  async settle<Value>(promise: Promise<Value>, ms = 60_000): Promise<Value> {
    let isSettled = false;
    const end = (): void => {
      isSettled = true;
    };
    promise.then(end, end);
    if (!(await this.advance(ms, () => isSettled))) throw new Error(`a promise did not settle in ${ms} ms`);
    return promise;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (before(heap[parent], event)) break;
      heap[index] = heap[parent] as Event;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const [left, right] = [index * 2 + 1, index * 2 + 2];
      if (left >= heap.length) break;
      const child = right < heap.length && before(heap[right], heap[left]) ? right : left;
      if (before(last, heap[child])) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Event | undefined, b: Event | undefined): boolean {
  if (a === undefined || b === undefined) return b === undefined;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Lets all promises settle. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Seeds of a property: `HERD_SEEDS` of them, or `fallback`; a single one by `HERD_SEED`. */
export function seeds(fallback: number): number[] {
  const one = process.env.HERD_SEED;
  if (one !== undefined) return [Number(one)];
  return Array.from({ length: Number(process.env.HERD_SEEDS ?? fallback) }, (_, index) => index + 1);
}

/** Runs a property for each seed, and names the seed in the failure. */
export async function forSeeds(all: readonly number[], property: (seed: number) => Promise<void>): Promise<void> {
  for (const seed of all) {
    try {
      await property(seed);
    } catch (error) {
      throw new Error(`HERD_SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
}
