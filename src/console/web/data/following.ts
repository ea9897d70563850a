// A stream of the node that is opened again whenever it ends: after a restart of the node, a lost network, a sleep of the machine.

import { type Signal, signal } from "@preact/signals";
import { open, Problem } from "./api.ts";
import { eachLine } from "./lines.ts";
import { refused, token } from "./session.ts";

/** `live`: lines arrive. `lost`: it is opened again soon. `forbidden`: the token may not. */
export type StreamState = "connecting" | "live" | "lost" | "forbidden";

/** What a stream is followed with. */
export interface FollowOptions {
  readonly path: () => string;
  readonly onLine: (line: string) => void;
  /** Called each time that it opens. */
  readonly onOpen?: () => void;
}

const firstWaitMs = 250;
const longestWaitMs = 4_000;
/** The node sends something every 5 s. */
const silentMs = 12_000;

/** A stream that is followed until it is stopped. */
export class Following {
  readonly state: Signal<StreamState> = signal("connecting");
  readonly #options: FollowOptions;
  readonly #stopped = new AbortController();
  #current = new AbortController();
  #wake: () => void = () => undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    void this.#run();
  }

  /** Opens it anew, for another path or token. */
  again(): void {
    this.#current.abort();
    this.#wake();
  }

  /** Ends it. */
  stop(): void {
    this.#stopped.abort();
    this.again();
  }

  async #run(): Promise<void> {
    let waitMs = firstWaitMs;
    while (!this.#stopped.signal.aborted) {
      const opened = await this.#once();
      if (opened) waitMs = firstWaitMs;
      const renewed = this.#current.signal.aborted;
      if (!renewed) await this.#wait(waitMs);
      waitMs = Math.min(longestWaitMs, waitMs * 2);
    }
  }

  /** Follows until the stream ends; whether it had opened. */
  async #once(): Promise<boolean> {
    const current = new AbortController();
    this.#current = current;
    let lastHeard = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - lastHeard > silentMs) current.abort();
    }, 1_000);
    let opened = false;
    try {
      if (token.value === null || refused.value) throw new Error("signed out");
      const response = await open(this.#options.path(), { signal: current.signal });
      opened = true;
      this.state.value = "live";
      this.#options.onOpen?.();
      const heard = (): void => {
        lastHeard = performance.now();
      };
      await eachLine(response, { line: this.#options.onLine, heard });
      this.state.value = "lost";
    } catch (error) {
      const forbidden = error instanceof Problem && error.body.status === 403;
      if (!this.#stopped.signal.aborted) this.state.value = forbidden ? "forbidden" : "lost";
    } finally {
      clearInterval(watch);
    }
    return opened;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
