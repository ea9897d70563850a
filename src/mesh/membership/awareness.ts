// How well this node itself is doing, after Lifeguard (Dadgar, Phillips, Currey 2018): a sick node doubts itself first.

/** A score from 0 (healthy) to `max - 1`. Whoever scores high waits longer before it accuses another node. */
export class Awareness {
  readonly #max: number;
  #score = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get score(): number {
    return this.#score;
  }

  /** Raises the score for signs of own trouble, lowers it for a probe that went well. */
  add(delta: number): void {
    this.#score = Math.min(Math.max(this.#score + delta, 0), this.#max - 1);
  }

  /** A time in milliseconds, stretched by the score. */
  scale(ms: number): number {
    return ms * (this.#score + 1);
  }
}
