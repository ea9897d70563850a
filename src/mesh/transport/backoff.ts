// How long to wait before the next try.

import type { Random } from "../../core/timers.js";

const firstMs = 100;
const lastMs = 10_000;

/** Waits that double from 100 ms to 10 s, each between half of itself and itself, so that nodes do not try in step. */
export class Backoff {
  readonly #random: Random;
  #tries = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds until the next try. */
  next(): number {
    const full = Math.min(lastMs, firstMs * 2 ** Math.min(this.#tries++, 16));
    return full * (0.5 + this.#random() / 2);
  }

  /** After a success: the next wait is the first one again. */
  reset(): void {
    this.#tries = 0;
  }
}
