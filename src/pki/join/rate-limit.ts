// How often somebody may try to join: a token bucket per address and one for all, since a try costs signatures and disk.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { addressBytes } from "../x509/network-address.js";

/** A bucket's size, and how fast it fills again. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** Rates per address and in all. */
export interface ThrottleOptions {
  readonly clock: Clock;
  readonly each: Rate;
  readonly total: Rate;
  /** What whoever tries too often is told. */
  readonly detail?: string;
  /** Addresses that are remembered; the one that tried longest ago is forgotten first. */
  readonly capacity?: number;
}

interface Bucket {
  level: number;
  at: number;
}

/** Counts tries. Addresses of one IPv6 /64 count as one, since whoever has one has them all. */
export class JoinRateLimit {
  readonly #options: ThrottleOptions;
  readonly #capacity: number;
  readonly #total: Bucket;
  /** In order of use, the latest last. */
  readonly #each = new Map<string, Bucket>();

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? 4_096;
    this.#total = { level: options.total.burst, at: options.clock.monotonic() };
  }

  /** Counts a try. Throws `request.throttled` with the time until the next one. */
  take(address: string): void {
    const { each, total } = this.#options;
    const bucket = this.#bucketOf(address);
    const waitSeconds = Math.max(this.#wait(bucket, each), this.#wait(this.#total, total));
    if (waitSeconds > 0) {
      throw new HerdError("request.throttled", this.#options.detail ?? "too many attempts to join", {
        retryAfterSeconds: Math.ceil(waitSeconds),
      });
    }
    bucket.level--;
    this.#total.level--;
  }

  /** Makes a try count for `tries` more: one that guessed. */
  penalize(address: string, tries: number): void {
    this.#bucketOf(address).level -= tries;
  }

  #bucketOf(address: string): Bucket {
    const key = networkOf(address);
    const bucket = this.#each.get(key) ?? { level: this.#options.each.burst, at: this.#options.clock.monotonic() };
    this.#each.delete(key);
    this.#each.set(key, bucket);
    if (this.#each.size > this.#capacity) {
      const [oldest] = this.#each.keys();
      if (oldest !== undefined) this.#each.delete(oldest);
    }
    return bucket;
  }

  /** Fills the bucket for the time that passed; seconds until it has one try again. */
  #wait(bucket: Bucket, { burst, perSecond }: Rate): number {
    const now = this.#options.clock.monotonic();
    bucket.level = Math.min(burst, bucket.level + (Math.max(0, now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    return bucket.level >= 1 ? 0 : (1 - bucket.level) / perSecond;
  }
}

/** What counts as one origin: an IPv6 /64, and every other address by itself. */
export function networkOf(address: string): string {
  const bytes = addressBytes(address);
  return bytes?.length === 16 ? bytes.subarray(0, 8).toString("hex") : address.slice(0, 64);
}
