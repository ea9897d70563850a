// A stream of the node, opened again whenever it ends: by a restart of the node, a lost network, a sleeping machine.

import { type Signal, signal } from "@preact/signals";
import { Backoff } from "../../../core/backoff.ts";
import { eachLine } from "./lines.ts";
import { ProblemError } from "./problem.ts";
import { refused, token } from "./session.ts";

/** `live`: lines arrive. `lost`: the stream is opened again soon. `forbidden`: the token's role does not allow it. */
export type StreamState = "connecting" | "live" | "lost" | "forbidden";

/** How a stream is followed. */
export interface FollowOptions {
  /** Requests the stream; called again after each end. */
  readonly open: (signal: AbortSignal) => Promise<Response>;
  readonly onLine: (line: string) => void;
  /** Called each time that the stream has opened, before its first line. */
  readonly onOpen?: () => void;
}

/** Wait before the stream is opened again, in ms; each failed try in a row doubles the wait, up to the last. */
const waits = { firstMs: 250, lastMs: 4_000 };
/** Silence after which a stream counts as lost, in ms. The node sends a heartbeat every 5 s. */
const silentMs = 12_000;

/** A stream that is followed until it is stopped. */
export class Following {
  readonly state: Signal<StreamState> = signal("connecting");
  readonly #options: FollowOptions;
  readonly #stopped = new AbortController();

  constructor(options: FollowOptions) {
    this.#options = options;
    void this.#run();
  }

  /** Ends the stream for good. */
  stop(): void {
    this.#stopped.abort();
  }

  async #run(): Promise<void> {
    const { signal: stopped } = this.#stopped;
    const backoff = new Backoff(waits);
    while (!stopped.aborted) {
      const opened = await this.#once();
      if (opened) backoff.reset();
      await waited(backoff.next(), stopped);
    }
  }

  /** Follows until the stream ends; resolves to whether it had opened. */
  async #once(): Promise<boolean> {
    const silent = new AbortController();
    let lastBytesAt = performance.now();
    const watchdog = setInterval(() => {
      if (performance.now() - lastBytesAt > silentMs) silent.abort();
    }, 1_000);
    let opened = false;
    try {
      if (token.value === null || refused.value) throw new Error("signed out");
      const response = await this.#options.open(AbortSignal.any([silent.signal, this.#stopped.signal]));
      opened = true;
      this.state.value = "live";
      this.#options.onOpen?.();
      const onBytes = (): void => {
        lastBytesAt = performance.now();
      };
      await eachLine(response, { onLine: this.#options.onLine, onBytes });
      this.state.value = "lost";
    } catch (error) {
      const forbidden = error instanceof ProblemError && error.document.status === 403;
      if (!this.#stopped.signal.aborted) this.state.value = forbidden ? "forbidden" : "lost";
    } finally {
      clearInterval(watchdog);
    }
    return opened;
  }
}

/** Resolves after that time, or when the stream is stopped. */
function waited(ms: number, stopped: AbortSignal): Promise<void> {
  if (stopped.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stopped.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stopped.addEventListener("abort", end);
  });
}
