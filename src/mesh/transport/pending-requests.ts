// Requests that wait for their responses: their ids, deadlines and cancellation.

import type { Clock } from "../../core/clock.js";
import type { Timers } from "../../core/timers.js";
import { LinkBroken, type RequestOptions, RequestTimeout } from "../ports.js";

/** Between two looks at the signals of pending requests, in ms: cheaper than a listener on each signal. */
const sweepMs = 10;

interface Pending {
  readonly id: number;
  readonly kind: string;
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: Error) => void;
  /** On the monotonic clock, ms. */
  readonly deadline: number;
  readonly signal: RequestOptions["signal"];
}

/** Slots of a new connection; a power of two. */
const firstSlots = 16;

/** The pending requests of one connection. One timer serves all of them. */
export class PendingRequests {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #cancelled: (id: number) => void;
  /**
   * Each in the slot of its id's low bits; ids whose slot is taken are passed over. Not a Map: V8 keeps each table that
   * a Map has outgrown for as long as an older one, and what stood in it, which took a sixth of the calls over a link.
   */
  #slots: (Pending | undefined)[] = new Array<Pending | undefined>(firstSlots).fill(undefined);
  #size = 0;
  #lastId = 0;
  #sweepAt = Number.POSITIVE_INFINITY;
  #cancelSweep: (() => void) | undefined;

  /** `cancelled` receives the id of each request that timed out or was cancelled. */
  constructor(options: { clock: Clock; timers: Timers; cancelled: (id: number) => void }) {
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#cancelled = options.cancelled;
  }

  get size(): number {
    return this.#size;
  }

  /** An id for the next request. */
  nextId(): number {
    do this.#lastId++;
    while (this.#slots[this.#slotOf(this.#lastId)] !== undefined);
    return this.#lastId;
  }

  /** Waits for the response to a request that was sent under the {@link nextId}. */
  wait(id: number, kind: string, options: RequestOptions): Promise<unknown> {
    const { timeoutMs, signal } = options;
    const now = this.#clock.monotonic();
    const deadline = now + timeoutMs;
    return new Promise((resolve, reject) => {
      this.#slots[this.#slotOf(id)] = { id, kind, resolve, reject, deadline, signal };
      if (++this.#size > this.#slots.length / 2) this.#grow();
      this.#sweepBy(signal === undefined ? deadline : Math.min(deadline, now + sweepMs));
    });
  }

  /** Resolves a request; false when none of this id is pending: a response may cross the request's cancellation. */
  resolve(id: number, response: unknown): boolean {
    const pending = this.#take(id);
    pending?.resolve(response);
    return pending !== undefined;
  }

  /** As {@link resolve}, for a failure. */
  reject(id: number, error: Error): boolean {
    const pending = this.#take(id);
    pending?.reject(error);
    return pending !== undefined;
  }

  /** Rejects every pending request: the connection ended. */
  breakAll(reason: string): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#sweepAt = Number.POSITIVE_INFINITY;
    for (const pending of this.#slots) {
      if (pending !== undefined) this.reject(pending.id, new LinkBroken(`the link ended: ${reason}`));
    }
  }

  #take(id: number): Pending | undefined {
    const slot = this.#slotOf(id);
    const pending = this.#slots[slot];
    if (pending?.id !== id) return undefined;
    this.#slots[slot] = undefined;
    this.#size--;
    return pending;
  }

  #slotOf(id: number): number {
    return id & (this.#slots.length - 1);
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Array<Pending | undefined>(before.length * 2).fill(undefined);
    for (const pending of before) if (pending !== undefined) this.#slots[this.#slotOf(pending.id)] = pending;
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
    for (const pending of this.#slots) {
      if (pending === undefined) continue;
      const cancelled = pending.signal?.aborted === true;
      if (cancelled || pending.deadline <= now) {
        const what = cancelled ? "cancelled" : "no response in time";
        this.#take(pending.id);
        this.#cancelled(pending.id);
        pending.reject(new RequestTimeout(`${pending.kind}: ${what}`));
      } else {
        next = Math.min(next, pending.signal === undefined ? pending.deadline : now + sweepMs, pending.deadline);
      }
    }
    if (next < Number.POSITIVE_INFINITY) this.#sweepBy(next);
  }
}
