// Why worker threads ended: counted for the metrics, and told to the operator when it was no guest's doing, at a
// bounded pace.
import type { Clock } from "../../../src/core/clock.js";

/**
 * Why a thread ended. `boot`: it never became ready; `fault`: a call met a defect of the node in it; `given-back`: its
 * memory or its core.
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

/** An end that somebody should hear of. */
export interface ThreadEnd {
  readonly reason: EndReason;
  /** What the thread or its task failed with, when it is known. */
  readonly cause: unknown;
  /** Threads that ended for this reason since the node started. */
  readonly count: number;
}

/** No guest can bring these about alone: they are defects of the node, or of its machine. */
const worthTelling: ReadonlySet<EndReason> = new Set(["failed", "exited", "silent", "fault", "boot"]);

/** Of each reason, one end in this time is told. */
const tellEveryMs = 10_000;

/** Counts ends by reason. */
export class ThreadEnds {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #tell: (end: ThreadEnd) => void;
  readonly #counts = new Map<EndReason, number>();
  readonly #toldAt = new Map<EndReason, number>();

  constructor(clock: Pick<Clock, "monotonic">, tell: (end: ThreadEnd) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Ends so far, by reason. */
  get counts(): readonly (readonly [EndReason, number])[] {
    return endReasons.map((reason) => [reason, this.#counts.get(reason) ?? 0]);
  }

  /** Counts one. */
  add(reason: EndReason, cause: unknown): void {
    const count = (this.#counts.get(reason) ?? 0) + 1;
    this.#counts.set(reason, count);
    const now = this.#clock.monotonic();
    if (!worthTelling.has(reason) || now - (this.#toldAt.get(reason) ?? Number.NEGATIVE_INFINITY) < tellEveryMs) return;
    this.#toldAt.set(reason, now);
    this.#tell({ reason, cause, count });
  }
}
