// Reports of this node's load and its owner's allowance to linked peers: on request, and soon after a change.

import type { Clock } from "../../core/clock.js";
import type { Timers } from "../../core/timers.js";
import type { OwnerState } from "../../owner/allowance.js";
import type { OwnLoad } from "./own-load.js";
import type { Peer } from "./peer.js";
import { encodeReport } from "./report.js";

/** Dependencies of {@link ReportNotifier}. */
export interface ReportNotifierOptions {
  readonly load: OwnLoad;
  /** How long this node's event loop was held up lately, in milliseconds. */
  readonly loopDelayMs: () => number;
  readonly clock: Pick<Clock, "monotonic">;
  readonly timers: Timers;
  /** The linked peers by node id. */
  readonly peers: ReadonlyMap<string, Peer>;
}

/**
 * A changed load is sent after max(settleMs, settlePerLinkMs × links) milliseconds: a node's reports cost the mesh the
 * same at any size. Less reports sooner; more sends less.
 */
const settleMs = 20;
const settlePerLinkMs = 2;

/**
 * A report on a result may be this old, in milliseconds: results of one turn of the event loop carry the same one. To
 * make one for each result takes half of the peer's processor time for a forwarded call.
 */
const sameMs = 0.25;

/** A report that was made for a peer. */
interface MadeReport {
  readonly peer: Peer | undefined;
  readonly madeAt: number;
  readonly body: unknown[];
}

/** The part of the load that peers received last. */
interface SentLoad {
  readonly slots: number;
  readonly calls: number;
  readonly draining: boolean;
  readonly owner: OwnerState;
  readonly lightUnits: number;
}

/** The reports of one node. */
export class ReportNotifier {
  readonly #options: ReportNotifierOptions;
  #sent: SentLoad | undefined;
  #made: MadeReport | undefined;
  #epoch = 0;
  #end: (() => void) | undefined;
  #cancelSettle: (() => void) | undefined;
  #stopped = false;

  constructor(options: ReportNotifierOptions) {
    this.#options = options;
  }

  /** Starts to send changes. */
  start(): void {
    if (this.#end !== undefined || this.#stopped) return;
    this.#end = this.#options.load.watch((urgent) => this.#touch(urgent));
  }

  /** Ends all notifications. */
  stop(): void {
    this.#stopped = true;
    this.#cancelSettle?.();
    this.#end?.();
  }

  /** Sends a report to all peers now. */
  sendAll(): void {
    this.#sent = this.#now();
    for (const peer of this.#options.peers.values()) this.send(peer);
  }

  /** Sends a report to one peer now. */
  send(peer: Peer): void {
    peer.link.notify("status", this.#encode(peer));
  }

  /** The report on a result, for a peer or for a node whose link has just ended. */
  report(peer: Peer | undefined): unknown[] {
    const madeAt = this.#options.clock.monotonic();
    const made = this.#made;
    if (made !== undefined && made.peer === peer && madeAt - made.madeAt < sameMs) return made.body;
    const body = this.#encode(peer);
    this.#made = { peer, madeAt, body };
    return body;
  }

  #encode(peer: Peer | undefined): unknown[] {
    const { load, loopDelayMs } = this.#options;
    const { slots, running, queued, serviceMs } = load.read();
    const { state: owner, lightUnits } = load.allowance;
    const seen = peer?.received ?? 0;
    return encodeReport({
      epoch: ++this.#epoch,
      slots,
      running,
      queued,
      draining: load.draining,
      serviceMs,
      seen,
      loopDelayMs: loopDelayMs(),
      owner,
      lightUnits,
    });
  }

  #touch(urgent: boolean): void {
    const { peers, timers } = this.#options;
    if (urgent) this.#made = undefined;
    if (peers.size === 0 || this.#stopped) return;
    if (urgent) this.#cancelSettle?.();
    else if (this.#cancelSettle !== undefined) return;
    // Even an urgent change waits for one turn of the event loop: other listeners, such as the sandbox, are notified
    // first.
    const ms = urgent ? 0 : Math.max(settleMs, settlePerLinkMs * peers.size);
    this.#cancelSettle = timers.after(ms, () => {
      this.#cancelSettle = undefined;
      const now = this.#now();
      if (differs(now, this.#sent)) this.sendAll();
      // The end of a call causes no notification: look again while calls run.
      if (now.calls > 0) this.#touch(false);
    });
  }

  #now(): SentLoad {
    const { load } = this.#options;
    const { slots, running, queued } = load.read();
    const { state: owner, lightUnits } = load.allowance;
    return { slots, calls: running + queued, draining: load.draining, owner, lightUnits };
  }
}

/** Whether peers would choose otherwise if they had this load. */
function differs(now: SentLoad, sent: SentLoad | undefined): boolean {
  if (sent === undefined || sent.slots !== now.slots || sent.draining !== now.draining) return true;
  if (sent.owner !== now.owner || sent.lightUnits !== now.lightUnits) return true;
  return Math.abs(now.calls - sent.calls) >= Math.max(1, sent.calls / 4);
}
