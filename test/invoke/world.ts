// Virtual time from a seed, for nodes that live in one process.

import type { Clock } from "../../src/core/clock.js";
import type { Random, Timers } from "../../src/core/timers.js";

/** Numbers from a seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time, and what happens in it. */
export class World {
  readonly random: Random;
  readonly clock: Clock = { now: () => this.#now, monotonic: () => this.#now };
  readonly timers: Timers = { after: (ms, run) => this.after(ms, run) };
  #now = 0;
  #order = 0;
  #pending: Happening[] = [];

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  /** Does something in `ms` milliseconds, unless the function that is returned is called before. */
  after(ms: number, run: () => void): () => void {
    const happening = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    const after = this.#pending.findIndex(({ at }) => at > happening.at);
    this.#pending.splice(after < 0 ? this.#pending.length : after, 0, happening);
    return () => {
      const index = this.#pending.indexOf(happening);
      if (index >= 0) this.#pending.splice(index, 1);
    };
  }

  /** Lets `ms` milliseconds pass. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (;;) {
      const next = this.#pending[0];
      if (next === undefined || next.at > until) break;
      this.#pending.shift();
      this.#now = next.at;
      next.run();
      await settled();
    }
    this.#now = until;
  }

  /** Lets time pass until the promise settled; throws after a minute. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    let done = false;
    const end = (): void => {
      done = true;
    };
    promise.then(end, end);
    await settled();
    for (let ms = 0; !done; ms += 5) {
      if (ms > 60_000) throw new Error("a minute passed");
      await this.pass(5);
    }
    return promise;
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
