// Log lines about what strangers can bring about as often as they like: at once the first time, then at growing intervals.

import type { Clock } from "./clock.js";

const firstMs = 10_000;
const mostMs = 600_000;

/** Something that is told seldom, with how often it happened since it was last told. */
export class Seldom {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #say: (times: number) => void;
  #times = 0;
  #intervalMs = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "monotonic">, say: (times: number) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** It happened. Told after 10 s at the earliest, then 20 s and so on up to 10 min; after a quiet time of that length anew. */
  happened(): void {
    this.#times += 1;
    const now = this.#clock.monotonic();
    const sinceMs = now - this.#toldAt;
    if (sinceMs < this.#intervalMs) return;
    const isAnew = sinceMs >= Math.min(2 * this.#intervalMs, mostMs) + firstMs;
    this.#intervalMs = isAnew ? firstMs : Math.min(2 * this.#intervalMs, mostMs);
    this.#toldAt = now;
    const times = this.#times;
    this.#times = 0;
    this.#say(times);
  }
}
