// The rate limit of attempts to join: one for each source and one for all, since an attempt costs signatures and disk.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { type Rate, TokenBuckets } from "../../core/token-buckets.js";
import { addressBytes } from "../x509/network-address.js";

/** Rates per source and of all sources together. */
interface JoinRateLimitOptions {
  readonly clock: Clock;
  readonly each: Rate;
  readonly total: Rate;
  /** What a source that tries too often is answered. */
  readonly detail?: string;
  /** Sources that are remembered, default 4096; the source that tried longest ago is forgotten first. */
  readonly capacity?: number;
}

/** The one key of the bucket that all sources share. */
const everyone = "";

/**
 * Counts attempts. Addresses of one IPv6 /64 count as one source, since a machine that has one of them has them all.
 */
export class JoinRateLimit {
  readonly #detail: string;
  readonly #each: TokenBuckets;
  readonly #total: TokenBuckets;

  constructor({ clock, each, total, capacity, detail = "too many attempts to join" }: JoinRateLimitOptions) {
    this.#detail = detail;
    this.#each = new TokenBuckets({ clock, ...each, ...(capacity === undefined ? {} : { maxBuckets: capacity }) });
    this.#total = new TokenBuckets({ clock, ...total, maxBuckets: 1 });
  }

  /** Counts an attempt. Throws `request.throttled` with the time until the next one. */
  take(address: string): void {
    const source = networkOf(address);
    const waitSeconds = Math.max(this.#each.waitSeconds(source), this.#total.waitSeconds(everyone));
    if (waitSeconds > 0) {
      throw new HerdError("request.throttled", this.#detail, { retryAfterSeconds: Math.ceil(waitSeconds) });
    }
    this.#each.take(source);
    this.#total.take(everyone);
  }

  /** Makes an attempt count for `attempts` more: an attempt that guessed a secret. */
  penalize(address: string, attempts: number): void {
    this.#each.charge(networkOf(address), attempts);
  }
}

/** What counts as one source: an IPv6 /64, and every other address by itself. */
export function networkOf(address: string): string {
  const bytes = addressBytes(address);
  return bytes?.length === 16 ? bytes.subarray(0, 8).toString("hex") : address.slice(0, 64);
}
