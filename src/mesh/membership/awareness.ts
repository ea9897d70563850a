// This node's own health after Lifeguard (Dadgar, Phillips, Currey 2018): a node in trouble suspects itself first.

/**
 * A score from 0 (healthy) to `max - 1`. The higher the score, the longer this node waits before it accuses another.
 */
export class Awareness {
  readonly #max: number;
  #score = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get score(): number {
    return this.#score;
  }

  /** Changes the score: up for a sign of own trouble, down for a probe that succeeded. */
  add(delta: number): void {
    this.#score = Math.min(Math.max(this.#score + delta, 0), this.#max - 1);
  }

  /** A time in milliseconds, stretched by the score: `ms × (score + 1)`. */
  scale(ms: number): number {
    return ms * (this.#score + 1);
  }
}
