// Asks that wait for their answers: ids, deadlines, and which are still wanted.

import type { Clock } from "../../core/clock.js";
import type { Timers } from "../../core/timers.js";
import { type AskOptions, AskTimeout, LinkBroken } from "../ports.js";

/** How often asks that carry a signal are looked at, in ms: cheaper than a listener on each signal. */
const sweepMs = 10;

interface Pending {
  readonly kind: string;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  /** On the monotonic clock, ms. */
  readonly deadline: number;
  readonly signal: AskOptions["signal"];
}

/** The asks of one connection. One timer serves all of them. */
export class PendingAsks {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #cancelled: (id: number) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #sweepAt = Number.POSITIVE_INFINITY;
  #cancelSweep: (() => void) | undefined;

  /** `cancelled` hears the id of each ask that is given up. */
  constructor(options: { clock: Clock; timers: Timers; cancelled: (id: number) => void }) {
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#cancelled = options.cancelled;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** An id for the next ask. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Waits for the answer to an ask that was sent. */
  wait(id: number, kind: string, options: AskOptions): Promise<unknown> {
    const { timeoutMs, signal } = options;
    const now = this.#clock.monotonic();
    const deadline = now + timeoutMs;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { kind, resolve, reject, deadline, signal });
      this.#sweepBy(signal === undefined ? deadline : Math.min(deadline, now + sweepMs));
    });
  }

  /** Whether somebody waited for it: an answer may cross its cancellation. */
  answer(id: number, answer: unknown): boolean {
    const pending = this.#take(id);
    pending?.resolve(answer);
    return pending !== undefined;
  }

  /** As {@link answer}, for a failure. */
  fail(id: number, error: Error): boolean {
    const pending = this.#take(id);
    pending?.reject(error);
    return pending !== undefined;
  }

  /** Rejects all, when their connection ended. */
  breakAll(reason: string): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#sweepAt = Number.POSITIVE_INFINITY;
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of all) pending.reject(new LinkBroken(`the link ended: ${reason}`));
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending !== undefined) this.#pending.delete(id);
    return pending;
  }

  #sweepBy(at: number): void {
    if (at >= this.#sweepAt) return;
    this.#cancelSweep?.();
    this.#sweepAt = at;
    this.#cancelSweep = this.#timers.after(Math.max(0, Math.ceil(at - this.#clock.monotonic())), () => this.#sweep());
  }

  #sweep(): void {
    this.#sweepAt = Number.POSITIVE_INFINITY;
    this.#cancelSweep = undefined;
    const now = this.#clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [id, pending] of this.#pending) {
      const unwanted = pending.signal?.aborted === true;
      if (unwanted || pending.deadline <= now) {
        this.#pending.delete(id);
        this.#cancelled(id);
        pending.reject(
          new AskTimeout(unwanted ? `${pending.kind}: not wanted any more` : `${pending.kind}: no answer`),
        );
      } else {
        next = Math.min(next, pending.signal === undefined ? pending.deadline : now + sweepMs, pending.deadline);
      }
    }
    if (next < Number.POSITIVE_INFINITY) this.#sweepBy(next);
  }
}
