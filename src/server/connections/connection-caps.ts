// Caps on the open connections of clients, in all and from one address. A connection above a cap is closed before its
// TLS handshake.

import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { Metrics } from "../../core/metrics.js";

/** Dependencies of {@link ConnectionCaps}. */
export interface ConnectionCapsOptions {
  readonly limit: number;
  readonly limitPerAddress: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Open connections by address, as the system lists them; undefined where the system has no list. */
  readonly recount: () => Promise<ReadonlyMap<string, number> | undefined>;
}

type Reason = "all" | "address";

/** The least time between two recounts. */
const recountMs = 500;
/**
 * uWebSockets ends an idle connection within 12 s. Without a list of the system, connections that were opened longer
 * ago no longer count.
 */
const forgetMs = 12_000;

/**
 * Counts connections. uWebSockets reports each end, but a closed socket has no address any more. So the count in all
 * is exact, and the count of an address is an upper bound: the connections that it opened. A recount makes the bound
 * exact before it decides.
 */
export class ConnectionCaps {
  readonly #options: ConnectionCapsOptions;
  readonly #refused: Readonly<Record<Reason, { readonly add: () => void }>>;
  #open = 0;
  /** Connections by address: open at the last recount; opened before the recount under way; opened since. */
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
   * Whether a new connection from an address may stay. A connection that is refused is not counted, and {@link
   * closed} must not be called for it.
   */
  opened(address: string): boolean {
    const { limit, limitPerAddress } = this.#options;
    if (this.#open >= limit) return this.#refuse("all");
    const held = this.#boundOf(address);
    // At half the cap, so that a client of many short connections is recounted before its bound reaches the cap.
    if (held >= limitPerAddress / 2 || this.#since.size > 4 * limit) this.#recount();
    if (held >= limitPerAddress) return this.#refuse("address");
    this.#open += 1;
    this.#since.set(address, (this.#since.get(address) ?? 0) + 1);
    return true;
  }

  /** Counts the end of a connection that stayed. */
  closed(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#known = new Map();
    this.#before = new Map();
    this.#since = new Map();
  }

  /** The most connections that an address may have open. */
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

  /** Without a list of the system, drops the counts of connections that were opened more than {@link forgetMs} ago. */
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
