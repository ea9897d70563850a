// How often somebody may do something: a token bucket for each, so that a hostile one costs a bounded share.

import type { Clock } from "./clock.js";

/** How fast a {@link TokenBuckets} fills, in whatever it counts. */
export interface TokenBucketsOptions {
  readonly clock: Pick<Clock, "monotonic">;
  readonly burst: number;
  readonly perSecond: number;
}

interface Bucket {
  left: number;
  at: number;
}

/** Buckets by key, at most `maxBuckets` of them: the one used longest ago starts afresh. */
export class TokenBuckets {
  static readonly maxBuckets = 4_096;
  readonly #options: TokenBucketsOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  /** Whether the key has anything left. */
  has(key: string): boolean {
    return this.#bucket(key).left >= 1;
  }

  /** Takes one; `false` when nothing was left. */
  take(key: string): boolean {
    const bucket = this.#bucket(key);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

  #bucket(key: string): Bucket {
    const { clock, burst, perSecond } = this.#options;
    const at = clock.monotonic();
    const known = this.#buckets.get(key);
    const left = known === undefined ? burst : Math.min(burst, known.left + ((at - known.at) / 1_000) * perSecond);
    const bucket = { left, at };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > TokenBuckets.maxBuckets) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket;
  }
}
