// The log line of the owner's state.

import type { Logger } from "../core/log.js";
import type { Timers } from "../core/timers.js";
import type { Allowance } from "./allowance.js";

/** Between two log lines, ms; and the wait after the start, in which the sensors answer. */
const everyMs = 10_000;
const firstMs = 2_000;

/** Logs changes of the owner state; of many changes within ten seconds, the first and the last. */
export class OwnerStateLog {
  readonly #options: { readonly current: () => Allowance; readonly timers: Timers; readonly log: Logger };
  #logged: string | undefined;
  /** Ends the silence after a line, or after the start. */
  #cancelSilence: (() => void) | undefined;

  constructor(options: { readonly current: () => Allowance; readonly timers: Timers; readonly log: Logger }) {
    this.#options = options;
  }

  start(): void {
    this.#beSilent(firstMs);
  }

  stop(): void {
    this.#cancelSilence?.();
    this.#cancelSilence = undefined;
  }

  /** Logs the state if it changed. */
  changed(): void {
    const { state, slots } = this.#options.current();
    if (this.#cancelSilence !== undefined || state === this.#logged) return;
    this.#beSilent(everyMs);
    this.#logged = state;
    this.#options.log.info(`the owner's policy: ${state}, ${slots} workers for guests`);
  }

  #beSilent(ms: number): void {
    this.#cancelSilence?.();
    this.#cancelSilence = this.#options.timers.after(ms, () => {
      this.#cancelSilence = undefined;
      this.changed();
    });
  }
}
