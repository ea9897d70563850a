// Connections of clients: how many at once, in all and from one address. What is over is closed before it costs a
// handshake.

import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { Metrics } from "../../core/metrics.js";

/** What {@link ConnectionCaps} works with. */
export interface ConnectionCapsOptions {
  readonly limit: number;
  readonly limitPerAddress: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Who is connected now, by address; undefined where the system does not tell. */
  readonly recount: () => Promise<ReadonlyMap<string, number> | undefined>;
}

type Reason = "all" | "address";

/** A recount is worth it at most this often. */
const recountMs = 500;
/**
 * uWebSockets ends a connection that nobody uses within 12 s: without a recount, what was opened longer ago counts no
 * more.
 */
const forgetMs = 12_000;

/**
 * Counts connections. uWebSockets tells of each end, but not whose: a closed socket has no address any more. So the
 * count in all is exact, and that of an address is a bound, what it opened, which a recount makes exact whenever it may
 * matter.
 */
export class ConnectionCaps {
  readonly #options: ConnectionCapsOptions;
  readonly #refused: Readonly<Record<Reason, { readonly add: () => void }>>;
  #open = 0;
  /** What addresses had open at the last recount; opened before the one under way; opened since. */
  #known: ReadonlyMap<string, number> = new Map();
  #before: ReadonlyMap<string, number> = new Map();
  #since = new Map<string, number>();
  #isRecounting = false;
  #recountedAt = Number.NEGATIVE_INFINITY;
  #forgotAt = 0;

  constructor(options: ConnectionCapsOptions) {
    this.#options = options;
    const { metrics, limit, limitPerAddress } = options;
    const help = "Connections of clients that are open.";
    metrics.gauge({ name: "herd_connections", help }, () => this.#open);
    const refused = metrics.counters({
      name: "herd_connections_refused_total",
      help: "Connections of clients that were closed at once, by the cap that they met.",
      labels: ["cap"],
    });
    this.#refused = {
      all: this.#refusal(refused.with("all"), `${limit} connections are open`),
      address: this.#refusal(refused.with("address"), `${limitPerAddress} connections of one address are open`),
    };
  }

  /** Connections that are open. */
  get open(): number {
    return this.#open;
  }

  /**
   * A connection came from that address: whether it may stay. One that may not is not counted, nor is its end to be
   * told.
   */
  opened(address: string): boolean {
    const { limit, limitPerAddress } = this.#options;
    if (this.#open >= limit) return this.#refuse("all");
    const held = this.#boundOf(address);
    // In time: a client of many short connections is counted anew before its bound meets the cap.
    if (held >= limitPerAddress / 2 || this.#since.size > 4 * limit) this.#recount();
    if (held >= limitPerAddress) return this.#refuse("address");
    this.#open += 1;
    this.#since.set(address, (this.#since.get(address) ?? 0) + 1);
    return true;
  }

  /** A connection that stayed has ended. */
  closed(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#known = new Map();
    this.#before = new Map();
    this.#since = new Map();
  }

  /** What an address has open, at most. */
  #boundOf(address: string): number {
    const opened = [this.#known, this.#before, this.#since].reduce(
      (sum, counts) => sum + (counts.get(address) ?? 0),
      0,
    );
    return Math.min(opened, this.#open);
  }

  #recount(): void {
    const { recount, clock } = this.#options;
    const now = clock.monotonic();
    if (this.#isRecounting || now - this.#recountedAt < recountMs) return;
    this.#isRecounting = true;
    this.#before = this.#since;
    this.#since = new Map();
    recount()
      .catch(() => undefined)
      .then((counts) => {
        this.#isRecounting = false;
        this.#recountedAt = clock.monotonic();
        if (counts !== undefined) this.#known = counts;
        else this.#forget(now);
        this.#before = new Map();
      });
  }

  /** Nobody tells who is connected: what was opened long ago has ended, or is in use. */
  #forget(now: number): void {
    if (now - this.#forgotAt >= forgetMs) {
      this.#known = this.#before;
      this.#forgotAt = now;
      return;
    }
    const merged = new Map(this.#known);
    for (const [address, count] of this.#before) merged.set(address, (merged.get(address) ?? 0) + count);
    this.#known = merged;
  }

  #refuse(reason: Reason): false {
    this.#refused[reason].add();
    return false;
  }

  #refusal(counter: { add(): void }, why: string): { readonly add: () => void } {
    const { log } = this.#options;
    return {
      add: () => {
        counter.add();
        log.warn(`connections of clients are closed at once: ${why}`, { repeat: "" });
      },
    };
  }
}
