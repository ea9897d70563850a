// One linked peer as the choice sees it: what it last told of itself, and what this node has sent it since.

import type { Capacity } from "../../capacity/capacity.js";
import type { Link } from "../../mesh/ports.js";
import type { OwnerState } from "../../owner/allowance.js";
import type { Candidate, WhyNot } from "../routing/choose.js";
import type { Health } from "../routing/health.js";
import type { PeerHistory } from "../routing/peer-history.js";
import type { Speed } from "../routing/speed.js";
import type { Report } from "./report.js";

/** More calls than this are not under way to one peer at once: its link would refuse them. */
const maxOutstanding = 2_048;

/** A peer with an open link. */
export class Peer implements Candidate {
  readonly nodeId: string;
  readonly speed: Speed;
  link: Link;
  slots = 0;
  running = 0;
  queued = 0;
  serviceMs: number | undefined;
  draining = false;
  lightUnits = Number.POSITIVE_INFINITY;
  errorRate = 0;
  warmth = 1;
  ejected = false;
  loopDelayMs = 0;
  owner: OwnerState = "none";
  /** Revisions that it can run. */
  readonly revisions = new Set<string>();
  /** Whether membership counts it as alive. */
  alive = true;
  /** Whether it was heard of lately; see {@link PeerStatuses}. */
  fresh = false;
  /** Whether it was heard of and then no more, or its link ended. One whose link has just opened is neither fresh nor silent. */
  silent = false;
  /** Monotonic milliseconds at which it was last heard. */
  heardAt = Number.NEGATIVE_INFINITY;
  /** Calls that came from it over the current link. */
  received = 0;
  /** Calls that were sent over the current link, and those of them that are not answered. */
  #sent = 0;
  #outstanding = 0;
  #seen = 0;
  /** Of the last report over the current link; 0 before the first. */
  #epoch = 0;

  #capacity: Capacity | undefined;
  readonly #health: Health;

  constructor(link: Link, { health, speed }: PeerHistory) {
    this.nodeId = link.peer.nodeId;
    this.link = link;
    this.#health = health;
    this.speed = speed;
  }

  get usable(): boolean {
    return this.fresh && this.alive && !this.draining && !this.ejected && this.#outstanding < maxOutstanding;
  }

  get whyNot(): WhyNot | undefined {
    if (!this.fresh) return "silent";
    if (!this.alive) return "suspect";
    if (this.draining) return "draining";
    return this.ejected ? "ejected" : this.usable ? undefined : "full";
  }

  get rttMs(): number | undefined {
    return this.link.rttMs;
  }

  /**
   * Calls on their way there: links keep order, so what was sent and is not in the count that it told is not in its load either.
   * Whatever it tells, it has all calls that it did not answer.
   */
  get inFlight(): number {
    const outstanding = this.#outstanding;
    return Math.max(0, Math.min(outstanding, this.#sent - this.#seen), outstanding - this.running - this.queued);
  }

  /** Whether it last told that a worker has nothing to do. */
  get saysIdle(): boolean {
    return !this.draining && this.running + this.queued < this.slots;
  }

  /** What it can do; undefined until it was measured and told. */
  get capacity(): Capacity | undefined {
    return this.#capacity;
  }

  set capacity(capacity: Capacity | undefined) {
    this.#capacity = capacity;
    this.speed.measured(capacity);
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

  /** Takes a report; false when it is not newer than the last. */
  update(report: Report): boolean {
    if (report.epoch <= this.#epoch) return false;
    this.#epoch = report.epoch;
    this.slots = report.slots;
    this.running = report.running;
    this.queued = report.queued;
    this.draining = report.draining;
    this.serviceMs = report.serviceMs;
    this.loopDelayMs = report.loopDelayMs;
    this.owner = report.owner;
    this.lightUnits = report.lightUnits;
    this.#seen = report.seen;
    return true;
  }

  /** It answered a call, at that monotonic millisecond. */
  answered(now: number): void {
    this.#health.answered(now);
  }

  /** It failed to answer one; true when it gets none for a while for that. */
  failed(now: number): boolean {
    const ejected = this.#health.failed(now);
    this.look(now);
    return ejected;
  }

  /** Looks at what changes with time: health and pace. */
  look(now: number): void {
    this.ejected = this.#health.isEjected(now);
    this.errorRate = this.#health.errorRate(now);
    this.warmth = this.#health.warmth(now);
    this.speed.look(now);
  }

  /** From now on this is the link: both ends count anew. */
  adopt(link: Link): void {
    this.link = link;
    this.received = 0;
    this.#sent = 0;
    this.#seen = 0;
    this.#epoch = 0;
  }
}
