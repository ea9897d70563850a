// One linked peer as the choice sees it: its last report, and the calls that this node has sent since.

import type { Capacity } from "../../capacity/capacity.js";
import type { Link } from "../../mesh/ports.js";
import type { OwnerState } from "../../owner/allowance.js";
import type { Candidate, WhyNot } from "../routing/choose.js";
import type { Health } from "../routing/outlier-ejection.js";
import type { PeerHistory } from "../routing/peer-history.js";
import type { Speed } from "../routing/speed.js";
import type { Report } from "./report.js";

/** Calls in flight to one peer at once; its link would refuse more. */
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
  /** Whether membership counts the peer as alive. */
  alive = true;
  /** Whether a report was received lately; see {@link PeerStatuses}. */
  fresh = false;
  /** Whether reports stopped, or the link ended. A peer whose link has just opened is neither fresh nor silent. */
  silent = false;
  /** Monotonic milliseconds at which a report was last received. */
  reportedAt = Number.NEGATIVE_INFINITY;
  /** Calls that came from the peer over the current link. */
  received = 0;
  /** Calls that were sent over the current link, and those of them without a result. */
  #sent = 0;
  #outstanding = 0;
  #seen = 0;
  /** Epoch of the last report over the current link; 0 before the first. */
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
   * Calls on their way to the peer. Links keep order, so a call that was sent and is not in the peer's count is not in
   * its load either. Whatever the peer reports, it has all calls that it did not answer.
   */
  get inFlight(): number {
    const outstanding = this.#outstanding;
    return Math.max(0, Math.min(outstanding, this.#sent - this.#seen), outstanding - this.running - this.queued);
  }

  /** Whether the last report shows an idle worker. */
  get reportsIdle(): boolean {
    return !this.draining && this.running + this.queued < this.slots;
  }

  /** The measured capacity; undefined until the peer sent it. */
  get capacity(): Capacity | undefined {
    return this.#capacity;
  }

  set capacity(capacity: Capacity | undefined) {
    this.#capacity = capacity;
    this.speed.measured(capacity);
  }

  /** Counts a call that is sent to the peer. */
  begin(): void {
    this.#sent++;
    this.#outstanding++;
  }

  /** Counts the end of a call. */
  end(): void {
    this.#outstanding--;
    // Calls that were lost on the way must not count for ever.
    if (this.#outstanding === 0) this.#sent = this.#seen;
  }

  /** Whether an undecoded report is the last one that was taken. */
  hasReport(report: unknown): boolean {
    return Array.isArray(report) && report[0] === this.#epoch;
  }

  /** Takes a report; false when it is not newer than the last one. */
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

  /** Records an answered call, at that monotonic millisecond. */
  answered(now: number): void {
    this.#health.answered(now);
  }

  /** Records a failed call; returns true when the peer is ejected. */
  failed(now: number): boolean {
    const ejected = this.#health.failed(now);
    this.refresh(now);
    return ejected;
  }

  /** Refreshes what changes with time: health and pace. */
  refresh(now: number): void {
    this.ejected = this.#health.isEjected(now);
    this.errorRate = this.#health.errorRate(now);
    this.warmth = this.#health.warmth(now);
    this.speed.refresh(now);
  }

  /** Replaces the link: both ends count anew. */
  adopt(link: Link): void {
    this.link = link;
    this.received = 0;
    this.#sent = 0;
    this.#seen = 0;
    this.#epoch = 0;
  }
}
