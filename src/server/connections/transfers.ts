// Bodies and answers that take longer than a turn of the event loop: a transfer that makes too little progress ends.

import type { Clock } from "../../core/clock.js";

/** One body that arrives, or one answer that leaves. */
export interface Transfer {
  /** Bytes that have passed so far. */
  readonly bytes: () => number;
  /** Bytes of the whole transfer; undefined when the length was not announced. */
  readonly size: number | undefined;
  /** Whether the transfer has ended, in any way. */
  readonly isOver: () => boolean;
  /** Ends a transfer that is too slow. Called once. */
  readonly late: () => void;
}

/**
 * The least rate of a transfer: 16 KiB a second over each window of 5 s. The window is shorter than the 8 to 12 s
 * after which uWebSockets itself cuts a body without an answer.
 */
const floorBytesPerSecond = 16_384;
const windowMs = 5_000;
/** The longest time of a whole transfer: a minute, and a second for each 64 KiB. */
const wholeMs = 60_000;
const wholeBytesPerSecond = 65_536;
const lookMs = 1_000;

interface Watched {
  readonly transfer: Transfer;
  readonly since: number;
  windowSince: number;
  windowBytes: number;
}

/**
 * Checks transfers once a second while there are any. A transfer within one turn of the event loop is never watched.
 */
export class Transfers {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #watched = new Set<Watched>();
  readonly #waiting: (() => void)[] = [];
  #look: NodeJS.Timeout | undefined;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Transfers that are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Watches a transfer until it is over; ends a transfer below the least rate, or beyond the longest time. */
  watch(transfer: Transfer): void {
    const now = this.#clock.monotonic();
    this.#watched.add({ transfer, since: now, windowSince: now, windowBytes: transfer.bytes() });
    this.#look ??= setInterval(() => this.look(), lookMs).unref();
  }

  /**
   * Calls `then` in the next turn of the event loop: one immediate for all, since each costs 1 µs. Not nextTick: each
   * request would then live until the next collection of the old generation, which took a sixth of the main thread's
   * time.
   */
  inNextTurn(then: () => void): void {
    if (this.#waiting.push(then) > 1) return;
    setImmediate(() => {
      for (const one of this.#waiting.splice(0)) one();
    });
  }

  /** Ends the transfers that are late. */
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
