// Ends of worker threads: counted for the metrics, and reported to the operator at a bounded rate when no guest caused
// them.
import type { Clock } from "../../../src/core/clock.js";

/**
 * Why a thread ended; values of a metric's label. `boot`: it never became ready; `fault`: a call met a defect of the
 * node in it; `evicted`: it ran a preempted call past the grace time; `given-back`: its memory or its core was freed.
 */
const endReasons = [
  "deadline",
  "stuck",
  "failed",
  "exited",
  "silent",
  "fault",
  "boot",
  "evicted",
  "given-back",
] as const;

/** One of {@link endReasons}. */
export type EndReason = (typeof endReasons)[number];

/** An end to be reported to the operator. */
export interface ThreadEnd {
  readonly reason: EndReason;
  /** The error with which the thread or its task failed, when it is known. */
  readonly cause: unknown;
  /** Threads that ended for this reason since the node started. */
  readonly count: number;
}

/** Reasons that no guest can cause alone: defects of the node, or of its machine. */
const reported: ReadonlySet<EndReason> = new Set(["failed", "exited", "silent", "fault", "boot"]);

/** Rate limit: of each reason, one end in this time is reported, in milliseconds. */
const reportEveryMs = 10_000;

/** Counts ends by reason. */
export class ThreadEnds {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #report: (end: ThreadEnd) => void;
  readonly #counts = new Map<EndReason, number>();
  readonly #reportedAt = new Map<EndReason, number>();

  constructor(clock: Pick<Clock, "monotonic">, report: (end: ThreadEnd) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Ends so far, by reason. */
  get counts(): readonly (readonly [EndReason, number])[] {
    return endReasons.map((reason) => [reason, this.#counts.get(reason) ?? 0]);
  }

  /** Counts an end. */
  add(reason: EndReason, cause: unknown): void {
    const count = (this.#counts.get(reason) ?? 0) + 1;
    this.#counts.set(reason, count);
    const now = this.#clock.monotonic();
    if (!reported.has(reason) || now - (this.#reportedAt.get(reason) ?? Number.NEGATIVE_INFINITY) < reportEveryMs)
      return;
    this.#reportedAt.set(reason, now);
    this.#report({ reason, cause, count });
  }
}
