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
  readonly app: string;
  /** Whether the call's arguments are still arriving. */
  arriving = true;
  readonly #context: RequestContext;

  constructor(app: string, context: RequestContext) {
    this.app = app;
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
 * Calls in flight by invocation id, from acceptance to the end of their answer, and the number of requests that change
 * something.
 */
export class InFlight {
  readonly #calls = new Map<string, WaitingCall>();
  #requests = 0;
  #sweepAt = sweepFrom;
  #onIdle: (() => void) | undefined;

  /** Number of calls and requests in flight. */
  get size(): number {
    this.#sweep();
    return this.#calls.size + this.#requests;
  }

  /** Adds a call. */
  add(invocation: string, call: WaitingCall): void {
    this.#calls.set(invocation, call);
    if (this.#calls.size > this.#sweepAt) this.#sweep();
  }

  /** Removes a call that ended. */
  delete(invocation: string): void {
    this.#calls.delete(invocation);
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

  /** The app that an invocation in flight belongs to. */
  appOf(invocation: string): string | undefined {
    return this.#calls.get(invocation)?.app;
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
    if (this.#calls.size + this.#requests === 0) this.#onIdle?.();
  }

  /**
   * Removes calls whose clients never finished the body: hyper-express settles no promise for these, so nothing else
   * would remove them.
   */
  #sweep(): void {
    for (const [invocation, call] of this.#calls) {
      if (call.arriving && call.aborted) this.#calls.delete(invocation);
    }
    this.#sweepAt = Math.max(sweepFrom, 2 * this.#calls.size);
  }
}
