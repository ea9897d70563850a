// The calls under way: who waits for them, and when there are none left.

import type { Response } from "hyper-express";
import type { Cancellation } from "../invoke/invoker.js";
import { ClientGone } from "./request-body.js";

/**
 * A call that somebody waits for; cancelled once the client went away. hyper-express marks the response then; its event costs each
 * response a stream and an AbortController costs a tenth of what the main thread has for a call, so those who care look.
 */
export class WaitingCall implements Cancellation {
  readonly app: string;
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

/** The calls under way by invocation id. */
export class InFlight {
  readonly #calls = new Map<string, WaitingCall>();
  #onIdle: (() => void) | undefined;

  /** Number of calls under way. */
  get size(): number {
    return this.#calls.size;
  }

  /** Remembers a call. */
  add(invocation: string, call: WaitingCall): void {
    this.#calls.set(invocation, call);
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
}
