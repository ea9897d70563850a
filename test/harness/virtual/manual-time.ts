// A clock whose timers run when a test moves it.

import type { Timers } from "../../../src/core/timers.js";
import { ManualClock } from "./manual-clock.js";

/**
 * {@link ManualClock} with {@link Timers}: `pass` moves the time from timer to timer and lets each one's work settle.
 */
export class ManualTime extends ManualClock implements Timers {
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.monotonic() + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Lets so much time pass. Work that needs more than a turn of the event loop is not waited for. */
  async pass(ms: number): Promise<void> {
    const end = this.monotonic() + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.advance(next.at - this.monotonic());
      next.run();
      await new Promise(setImmediate);
    }
    this.advance(end - this.monotonic());
  }
}
