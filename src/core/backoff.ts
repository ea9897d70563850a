// Exponential backoff: how long to wait before the next try.

/**
 * The first wait and the longest one, ms. Longer waits cost less at the other side, and find out later that it is back.
 */
interface BackoffBounds {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The wait after the `failures`-th failure in a row, from 1: `firstMs` × 2^(failures − 1), `lastMs` at most. */
export function backoffMs(failures: number, { firstMs, lastMs }: BackoffBounds): number {
  return Math.min(lastMs, firstMs * 2 ** Math.min(failures - 1, 30));
}

/** Options of {@link Backoff}. */
interface BackoffOptions extends BackoffBounds {
  /** The share of each wait that is drawn at random, 0 to 1, so that nodes do not try in step; default 0. */
  readonly jitter?: number;
  /** A number from 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Waits that double from failure to failure, each between (1 − `jitter`) of itself and itself. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Milliseconds until the next try. */
  next(): number {
    const { jitter = 0, random = Math.random } = this.#options;
    const fullMs = backoffMs(++this.#failures, this.#options);
    return jitter === 0 ? fullMs : fullMs * (1 - jitter + random() * jitter);
  }

  /** After a success: the next wait is the first one again. */
  reset(): void {
    this.#failures = 0;
  }
}
