// Rate limits: a token bucket for each key, so that a hostile peer or client costs a bounded share.

import { LRUCache } from "lru-cache";
import type { Clock } from "./clock.js";

/** A bucket's size, and how fast it fills again; both in whatever is counted. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** The rate of each key. */
interface TokenBucketsOptions extends Rate {
  readonly clock: Pick<Clock, "monotonic">;
  /** Keys that have a bucket, default {@link TokenBuckets.maxBuckets}; the key used longest ago starts afresh. */
  readonly maxBuckets?: number;
}

interface Bucket {
  /** Tokens; less than 0 after {@link TokenBuckets.charge}. */
  left: number;
  at: number;
}

/** A token bucket for each key. */
export class TokenBuckets {
  static readonly maxBuckets = 4_096;
  readonly #options: TokenBucketsOptions;
  readonly #buckets: LRUCache<string, Bucket>;

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
    this.#buckets = new LRUCache({ max: options.maxBuckets ?? TokenBuckets.maxBuckets });
  }

  /** Whether the key has a token. */
  has(key: string): boolean {
    return this.#bucket(key).left >= 1;
  }

  /** Takes a token; `false` when there was none. */
  take(key: string): boolean {
    const bucket = this.#bucket(key);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

  /** Seconds until the key has a token, 0 when it has one. */
  waitSeconds(key: string): number {
    const { left } = this.#bucket(key);
    return left >= 1 ? 0 : (1 - left) / this.#options.perSecond;
  }

  /** Takes tokens whether they are there or not: the key has to wait for them too. */
  charge(key: string, tokens: number): void {
    this.#bucket(key).left -= tokens;
  }

  /** The key's bucket, filled for the time that passed. */
  #bucket(key: string): Bucket {
    const { clock, burst, perSecond } = this.#options;
    const now = clock.monotonic();
    const known = this.#buckets.get(key);
    if (known === undefined) {
      const fresh = { left: burst, at: now };
      this.#buckets.set(key, fresh);
      return fresh;
    }
    known.left = Math.min(burst, known.left + (Math.max(0, now - known.at) / 1_000) * perSecond);
    known.at = now;
    return known;
  }
}
