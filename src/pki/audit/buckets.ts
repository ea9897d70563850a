// How much each node may record: a node that goes wrong must not fill everyone's audit log.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";

const burst = 500;
const perSecond = 5;

/** A token bucket per node: 500 records at once, then five a second. */
export class ActorBuckets {
  readonly #clock: Clock;
  /** Only nodes of the mesh have one, so they are bounded with it. */
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one record. Throws `request.throttled` when there are too many. */
  take(node: string): void {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(node) ?? { left: burst, at: now };
    bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    this.#buckets.set(node, bucket);
    if (bucket.left < 1) {
      throw new HerdError("request.throttled", `node ${node} records too much`, { retryAfterSeconds: 10 });
    }
    bucket.left--;
  }
}
