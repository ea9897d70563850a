// The rate limit of log lines: a peer or a client that can cause a line again and again must not fill the log.

import { LRUCache } from "lru-cache";
import { backoffMs } from "./backoff.js";
import type { Clock } from "./clock.js";
import { TokenBuckets } from "./token-buckets.js";

/** Wait between two lines of a key. */
const waits = { firstMs: 30_000, lastMs: 3_600_000 };
/** Keys that are remembered; the one seen longest ago is forgotten first. */
const capacity = 512;
/** Lines under keys that were not remembered: so many at once, then one in so long, whatever strangers make keys of. */
const freshRate = { burst: 64, perSecond: 1 / 5 };
/** The one key of the bucket that all fresh keys share. */
const fresh = "";

interface Entry {
  /** Lines that were written, and the wait after the last one. */
  lines: number;
  waitMs: number;
  /** Monotonic: when the next line may be written, and when the key was seen last. */
  nextAt: number;
  seenAt: number;
  suppressed: number;
}

/**
 * Writes the first line of a key at once, the next after 30 s, then after twice as long each time, up to an hour. A key
 * that was quiet for as long as its wait is new again. Strangers that invent keys share a budget of 64 lines, which
 * grows by one each 5 s.
 */
export class LogRateLimit {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #entries = new LRUCache<string, Entry>({ max: capacity });
  readonly #fresh: TokenBuckets;
  #lost = 0;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#fresh = new TokenBuckets({ clock, ...freshRate, maxBuckets: 1 });
  }

  /**
   * Whether the line of this key is written now: `undefined` when not, else how many like it were not written before.
   */
  take(key: string): number | undefined {
    const now = this.#clock.monotonic();
    const known = this.#entries.get(key);
    if (known === undefined) return this.#takeFresh(key, now);
    if (now - known.seenAt > known.waitMs) {
      this.#entries.delete(key);
      return this.#takeFresh(key, now);
    }
    known.seenAt = now;
    if (now < known.nextAt) {
      known.suppressed++;
      return undefined;
    }
    const { suppressed } = known;
    known.waitMs = backoffMs(++known.lines, waits);
    known.nextAt = now + known.waitMs;
    known.suppressed = 0;
    return suppressed;
  }

  #takeFresh(key: string, now: number): number | undefined {
    if (!this.#fresh.take(fresh)) {
      this.#lost++;
      return undefined;
    }
    const waitMs = backoffMs(1, waits);
    this.#entries.set(key, { lines: 1, waitMs, nextAt: now + waitMs, seenAt: now, suppressed: 0 });
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }
}
