// Bodies and answers that are on their way for longer than a turn of the event loop: each has to make progress, or
// ends.

import type { Clock } from "../../core/clock.js";

/** One body that arrives, or one answer that leaves. */
export interface Transfer {
  /** Bytes that have passed so far. */
  readonly bytes: () => number;
  /** Bytes of all of it; undefined when nobody said. */
  readonly size: number | undefined;
  /** Whether it has ended, in whatever way. */
  readonly isOver: () => boolean;
  /** Ends it: too slow. Called once. */
  readonly late: () => void;
}

/**
 * The floor: 16 KiB a second, over each window of 5 s. Below it uWebSockets cuts a body after 8 to 12 s, without an
 * answer.
 */
const floorBytesPerSecond = 16_384;
const windowMs = 5_000;
/** All of it within a minute, and a second for each 64 KiB. */
const wholeMs = 60_000;
const wholeBytesPerSecond = 65_536;
const lookMs = 1_000;

interface Watched {
  readonly transfer: Transfer;
  readonly since: number;
  windowSince: number;
  windowBytes: number;
}

/** Looks at transfers once a second while there are any; what takes one turn of the event loop never comes here. */
export class Transfers {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #watched = new Set<Watched>();
  #look: NodeJS.Timeout | undefined;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Transfers that are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Watches a transfer until it is over, or ends it when it is slower than the floor or takes too long. */
  watch(transfer: Transfer): void {
    const now = this.#clock.monotonic();
    this.#watched.add({ transfer, since: now, windowSince: now, windowBytes: transfer.bytes() });
    this.#look ??= setInterval(() => this.look(), lookMs).unref();
  }

  /** Ends those that are late. */
  look(): void {
    const now = this.#clock.monotonic();
    for (const watched of this.#watched) {
      const { transfer } = watched;
      const isOver = transfer.isOver();
      if (!isOver && !isLate(watched, now)) continue;
      this.#watched.delete(watched);
      if (!isOver) transfer.late();
    }
    if (this.#watched.size > 0) return;
    clearInterval(this.#look);
    this.#look = undefined;
  }
}

function isLate(watched: Watched, now: number): boolean {
  const { transfer, since, windowSince, windowBytes } = watched;
  const bytes = transfer.bytes();
  const allowedMs = wholeMs + (1_000 * (transfer.size ?? bytes)) / wholeBytesPerSecond;
  if (now - since >= allowedMs) return true;
  if (now - windowSince < windowMs) return false;
  if (bytes - windowBytes < (floorBytesPerSecond * (now - windowSince)) / 1_000) return true;
  watched.windowSince = now;
  watched.windowBytes = bytes;
  return false;
}
