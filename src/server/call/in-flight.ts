// The calls in flight: the clients that wait for them, and when the last one ends (graceful shutdown).

import type { Cancellation } from "../../../runtime/sandbox/call.js";
import { ClientGone } from "../http/request-body.js";
import type { RequestContext } from "../http/request-context.js";

/**
 * A call whose client waits; cancelled once the client disconnects. The context is marked then. A listener would cost a
 * stream for each response on uWebSockets, and an AbortController a tenth of the main thread's time for a call;
 * therefore the mark is polled.
 */
export class WaitingCall implements Cancellation {
  /** Whether the call's arguments are still arriving. */
  arriving = true;
  /** Neighbours in {@link InFlight}, which alone sets them. */
  isListed = false;
  next: WaitingCall | undefined;
  previous: WaitingCall | undefined;
  readonly #context: RequestContext;

  constructor(context: RequestContext) {
    this.#context = context;
  }

  get aborted(): boolean {
    return this.#context.isCompleted;
  }

  get reason(): unknown {
    return this.aborted ? new ClientGone() : undefined;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }
}

/** Above this many calls, those whose clients disconnected before their arguments arrived are removed. */
const sweepFrom = 1_024;
/** How often such calls are removed while a caller of {@link InFlight.idle} waits. */
const sweepMs = 50;

/**
 * Calls in flight, from acceptance to the end of their answer, and the number of requests that change something.
 *
 * A linked list: V8 keeps each table that a Map has outgrown for as long as an older one, with the requests that stood
 * in it. Behind `node:https` the main thread spent 14 % of its time on copying those.
 */
export class InFlight {
  #first: WaitingCall | undefined;
  #calls = 0;
  #requests = 0;
  #sweepAt = sweepFrom;
  #onIdle: (() => void) | undefined;

  /** Number of calls and requests in flight. */
  get size(): number {
    this.#sweep();
    return this.#calls + this.#requests;
  }

  /** Adds a call that is not there yet. */
  add(call: WaitingCall): void {
    if (call.isListed) return;
    call.isListed = true;
    call.next = this.#first;
    if (call.next !== undefined) call.next.previous = call;
    this.#first = call;
    if (++this.#calls > this.#sweepAt) this.#sweep();
  }

  /** Removes a call that ended. */
  delete(call: WaitingCall): void {
    this.#remove(call);
    this.#settle();
  }

  /** Counts a request until the returned function is called; a second call of that function does nothing. */
  hold(): () => void {
    let held = true;
    this.#requests++;
    return () => {
      if (!held) return;
      held = false;
      this.#requests--;
      this.#settle();
    };
  }

  /** Resolves when nothing is in flight, or when the signal aborts. */
  idle(signal: AbortSignal): Promise<void> {
    if (this.size === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sweeper = setInterval(() => {
        this.#sweep();
        this.#settle();
      }, sweepMs);
      const end = (): void => {
        clearInterval(sweeper);
        this.#onIdle = undefined;
        // uWebSockets sends the answers of one of its events only after that event.
        setImmediate(resolve);
      };
      this.#onIdle = end;
      signal.addEventListener("abort", end, { once: true });
    });
  }

  #settle(): void {
    if (this.#calls + this.#requests === 0) this.#onIdle?.();
  }

  /**
   * Removes calls whose clients never finished the body: hyper-express settles no promise for these, so nothing else
   * would remove them.
   */
  #sweep(): void {
    let call = this.#first;
    while (call !== undefined) {
      const { next } = call;
      if (call.arriving && call.aborted) this.#remove(call);
      call = next;
    }
    this.#sweepAt = Math.max(sweepFrom, 2 * this.#calls);
  }

  #remove(call: WaitingCall): void {
    if (!call.isListed) return;
    const { next, previous } = call;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    // A call that is gone must lead to none that is not: the engine may keep it.
    call.next = undefined;
    call.previous = undefined;
    call.isListed = false;
    this.#calls--;
  }
}
