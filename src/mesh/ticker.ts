// Periodic work: it starts at a random moment of its first interval, never overlaps itself, and can be stopped.

import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/log.js";
import type { Random, Timers } from "../core/timers.js";

/** What a {@link Ticker} needs. */
export interface TickerOptions {
  readonly name: string;
  /** The interval in ms, read before each wait, so that it may change. */
  readonly intervalMs: () => number;
  readonly run: () => void | Promise<void>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log?: Logger | undefined;
}

/** Runs periodic work, its interval counted from start to start. A run that takes longer delays the next. */
export class Ticker {
  readonly #options: TickerOptions;
  #cancel: (() => void) | undefined;
  /** Counts the starts: a run that outlives its own start schedules nothing more. */
  #series = 0;

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  /** Idempotent. */
  start(): void {
    if (this.#cancel !== undefined) return;
    const { timers, intervalMs, random } = this.#options;
    const series = ++this.#series;
    // Jitter: nodes that started together must not send together.
    this.#cancel = timers.after(random() * intervalMs(), () => this.#tick(series));
  }

  /** Idempotent; a run under way ends by itself. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #tick(series: number): Promise<void> {
    const { run, clock, timers, intervalMs, name, log } = this.#options;
    const startedAt = clock.monotonic();
    const intervalAtStart = intervalMs();
    try {
      await run();
    } catch (error) {
      log?.error(`the ${name} failed`, { cause: error, repeat: "" });
    }
    if (this.#cancel === undefined || series !== this.#series) return;
    const waitMs = Math.max(1, intervalAtStart - (clock.monotonic() - startedAt));
    this.#cancel = timers.after(waitMs, () => this.#tick(series));
  }
}
