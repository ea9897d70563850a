// The calls under way: who waits for them, and when there are none left.

import type { Response } from "hyper-express";
import type { Cancellation } from "../../../runtime/sandbox/call.js";
import { ClientGone } from "../http/request-body.js";

/**
 * A call that somebody waits for; cancelled once the client went away. hyper-express marks the response then; its event costs each
 * response a stream and an AbortController costs a tenth of what the main thread has for a call, so those who care look.
 */
export class WaitingCall implements Cancellation {
  readonly app: string;
  /** Whether its arguments are still on their way. */
  arriving = true;
  readonly #response: Response;

  constructor(app: string, response: Response) {
    this.app = app;
    this.#response = response;
  }

  get aborted(): boolean {
    return this.#response.completed;
  }

  get reason(): unknown {
    return this.aborted ? new ClientGone() : undefined;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }
}

/** From this many calls on, those whose clients left before their arguments came are looked for. */
const sweepFrom = 1_024;
/** How often they are looked for while somebody waits for the end of all. */
const sweepMs = 50;

/** What is under way: calls by invocation id, from acceptance to the end of their answer, and exchanges that change something. */
export class InFlight {
  readonly #calls = new Map<string, WaitingCall>();
  #exchanges = 0;
  #sweepAt = sweepFrom;
  #onIdle: (() => void) | undefined;

  /** Number of calls and exchanges under way. */
  get size(): number {
    this.#sweep();
    return this.#calls.size + this.#exchanges;
  }

  /** Remembers a call. */
  add(invocation: string, call: WaitingCall): void {
    this.#calls.set(invocation, call);
    if (this.#calls.size > this.#sweepAt) this.#sweep();
  }

  /** Forgets a call that ended. */
  delete(invocation: string): void {
    this.#calls.delete(invocation);
    this.#settle();
  }

  /** Counts an exchange until the function that is returned is called; a second time does nothing. */
  hold(): () => void {
    let held = true;
    this.#exchanges++;
    return () => {
      if (!held) return;
      held = false;
      this.#exchanges--;
      this.#settle();
    };
  }

  /** The app that an invocation under way belongs to. */
  appOf(invocation: string): string | undefined {
    return this.#calls.get(invocation)?.app;
  }

  /** Resolves when nothing is under way, or when the signal aborts. */
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
        // uWebSockets writes out what was answered within one of its events only after that event.
        setImmediate(resolve);
      };
      this.#onIdle = end;
      signal.addEventListener("abort", end, { once: true });
    });
  }

  #settle(): void {
    if (this.#calls.size + this.#exchanges === 0) this.#onIdle?.();
  }

  /** A body that its client never finished ends no promise of hyper-express, so nothing else would forget such a call. */
  #sweep(): void {
    for (const [invocation, call] of this.#calls) {
      if (call.arriving && call.aborted) this.#calls.delete(invocation);
    }
    this.#sweepAt = Math.max(sweepFrom, 2 * this.#calls.size);
  }
}
