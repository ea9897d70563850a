// One linked peer as the choice sees it: what it last told of itself, and what this node has sent it since.

import type { Link } from "../mesh/seams.js";
import type { Told } from "./call-frame.js";
import type { Candidate } from "./choose.js";

/** More calls than this are not under way to one peer at once: its link would refuse them. */
const maxOutstanding = 2_048;

/** What a peer tells of itself, to all. */
export interface Status {
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly draining: boolean;
  readonly runMs: number | undefined;
  /** Calls that it had from this node over the current link. */
  readonly seen: number;
}

/** A peer with an open link. */
export class Peer implements Candidate {
  readonly nodeId: string;
  link: Link;
  slots = 0;
  running = 0;
  queued = 0;
  runMs: number | undefined;
  draining = false;
  readonly lightUnits = Number.POSITIVE_INFINITY;
  readonly errorRate = 0;
  readonly warmth = 1;
  /** Revisions that it can run. */
  readonly revisions = new Set<string>();
  /** Whether membership counts it as alive. */
  alive = true;
  /** Whether it was heard of lately; see {@link PeerStatuses}. */
  fresh = false;
  /** Monotonic milliseconds at which it was last heard. */
  heardAt = Number.NEGATIVE_INFINITY;
  /** Calls that came from it over the current link. */
  received = 0;
  /** Calls that were sent over the current link, and those of them that are not answered. */
  #sent = 0;
  #outstanding = 0;
  #seen = 0;

  constructor(link: Link) {
    this.nodeId = link.peer.nodeId;
    this.link = link;
  }

  get usable(): boolean {
    return this.fresh && this.alive && !this.draining && this.#outstanding < maxOutstanding;
  }

  get rttMs(): number | undefined {
    return this.link.rttMs;
  }

  /** Calls on their way there: links keep order, so what was sent and is not in the count that it told is not in its load either. */
  get inFlight(): number {
    return Math.max(0, Math.min(this.#outstanding, this.#sent - this.#seen));
  }

  /** Counts a call that goes there. */
  begin(): void {
    this.#sent++;
    this.#outstanding++;
  }

  /** Counts the end of one. */
  end(): void {
    this.#outstanding--;
    // What was lost on the way must not count for ever.
    if (this.#outstanding === 0) this.#sent = this.#seen;
  }

  /** Takes what came with an answer. */
  hear({ running, queued, seen }: Told): void {
    this.running = running;
    this.queued = queued;
    this.#seen = seen;
  }

  /** Takes a status. */
  update(status: Status): void {
    this.slots = status.slots;
    this.draining = status.draining;
    this.runMs = status.runMs;
    this.hear(status);
  }

  /** From now on this is the link: both ends count anew. */
  adopt(link: Link): void {
    this.link = link;
    this.received = 0;
    this.#sent = 0;
    this.#seen = 0;
  }
}
