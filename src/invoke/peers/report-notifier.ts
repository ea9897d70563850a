// Telling linked peers how busy this node is and what its owner leaves to calls: when asked to, and soon after it changed.

import type { Timers } from "../../core/timers.js";
import type { OwnerState } from "../../owner/allowance.js";
import type { OwnLoad } from "./own-load.js";
import type { Peer } from "./peer.js";
import { encodeReport } from "./report.js";

/** What {@link ReportNotifier} works with. */
export interface ReportNotifierOptions {
  readonly load: OwnLoad;
  /** How long this node's event loop was held up lately, in milliseconds. */
  readonly loopDelayMs: () => number;
  readonly timers: Timers;
  /** The linked peers by node id. */
  readonly peers: ReadonlyMap<string, Peer>;
}

/** A changed load is told after so long, and later the more links there are: a node's telling costs the mesh the same at any size. */
const settleMs = 20;
const settlePerLinkMs = 2;

/** What of the load peers were last told. */
interface Told {
  readonly slots: number;
  readonly calls: number;
  readonly draining: boolean;
  readonly owner: OwnerState;
  readonly lightUnits: number;
}

/** The reports of one node. */
export class ReportNotifier {
  readonly #options: ReportNotifierOptions;
  #told: Told | undefined;
  #epoch = 0;
  #end: (() => void) | undefined;
  #cancelSettle: (() => void) | undefined;
  #stopped = false;

  constructor(options: ReportNotifierOptions) {
    this.#options = options;
  }

  /** Tells what changes. */
  start(): void {
    if (this.#end !== undefined || this.#stopped) return;
    this.#end = this.#options.load.watch((urgent) => this.#touch(urgent));
  }

  /** Tells no more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelSettle?.();
    this.#end?.();
  }

  /** Tells all peers now. */
  tellAll(): void {
    this.#told = this.#now();
    for (const peer of this.#options.peers.values()) this.tell(peer);
  }

  /** Tells one peer now. */
  tell(peer: Peer): void {
    peer.link.notify("status", this.report(peer));
  }

  /** The next report, for a peer or for one whose link has just ended. */
  report(peer: Peer | undefined): unknown[] {
    const { load, loopDelayMs } = this.#options;
    const { slots, running, queued, serviceMs } = load.read();
    const { state: owner, lightUnits } = load.allowance;
    const seen = peer?.received ?? 0;
    return encodeReport({
      ...{ epoch: ++this.#epoch, slots, running, queued, draining: load.draining, serviceMs, seen },
      ...{ loopDelayMs: loopDelayMs(), owner, lightUnits },
    });
  }

  #touch(urgent: boolean): void {
    const { peers, timers } = this.#options;
    if (peers.size === 0 || this.#stopped) return;
    if (urgent) this.#cancelSettle?.();
    else if (this.#cancelSettle !== undefined) return;
    // Even what is urgent waits for whoever else hears of it now, such as the sandbox.
    const ms = urgent ? 0 : Math.max(settleMs, settlePerLinkMs * peers.size);
    this.#cancelSettle = timers.after(ms, () => {
      this.#cancelSettle = undefined;
      const now = this.#now();
      if (differs(now, this.#told)) this.tellAll();
      // Calls end without a word.
      if (now.calls > 0) this.#touch(false);
    });
  }

  #now(): Told {
    const { load } = this.#options;
    const { slots, running, queued } = load.read();
    const { state: owner, lightUnits } = load.allowance;
    return { slots, calls: running + queued, draining: load.draining, owner, lightUnits };
  }
}

/** Whether peers would choose otherwise if they knew. */
function differs(now: Told, told: Told | undefined): boolean {
  if (told === undefined || told.slots !== now.slots || told.draining !== now.draining) return true;
  if (told.owner !== now.owner || told.lightUnits !== now.lightUnits) return true;
  return Math.abs(now.calls - told.calls) >= Math.max(1, told.calls / 4);
}
