// The calls under way: who waits for them, and when there are none left.

import type { Response } from "hyper-express";

/** How often the clients of waiting calls are looked at. */
const sweepMs = 20;

/** A call that somebody waits for. */
export interface WaitingCall {
  readonly app: string;
  readonly response: Response;
  readonly controller: AbortController;
}

/**
 * The calls under way by invocation id. A client that went away is noticed by a sweep within 20 ms: hyper-express tells it by an
 * event too, but that costs each response a stream, about a tenth of a scalar call.
 */
export class InFlight {
  readonly #calls = new Map<string, WaitingCall>();
  #timer: NodeJS.Timeout | undefined;
  #onIdle: (() => void) | undefined;

  /** Number of calls under way. */
  get size(): number {
    return this.#calls.size;
  }

  /** Remembers a call; the sweep runs while there are any. */
  add(invocation: string, call: WaitingCall): void {
    this.#calls.set(invocation, call);
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** Forgets a call that ended. */
  delete(invocation: string): void {
    this.#calls.delete(invocation);
    if (this.#calls.size === 0) this.#onIdle?.();
  }

  /** The app that an invocation under way belongs to. */
  appOf(invocation: string): string | undefined {
    return this.#calls.get(invocation)?.app;
  }

  /** Resolves when no call is under way, or when the signal aborts. */
  idle(signal: AbortSignal): Promise<void> {
    if (this.#calls.size === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Ends the sweep and cancels what is left. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const call of this.#calls.values()) call.controller.abort();
  }

  #sweep(): void {
    for (const call of this.#calls.values()) {
      if (call.response.completed && !call.controller.signal.aborted) call.controller.abort();
    }
    if (this.#calls.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
