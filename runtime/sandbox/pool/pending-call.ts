// A call between `run` and its answer, as the main thread keeps it, and the calls that wait for one function.
import { HerdError } from "../../../src/core/errors.js";
import type { CallResult, Cancellation } from "../call.js";
import type { CallMessage } from "../messages.js";
import type { PreparedRevision } from "../prepared-revision.js";

/** A function whose mean is above travels alone. */
const smallMs = 0.25;
/** A function whose mean is above counts as long. */
const longMs = 2;
/**
 * A first call in a thread compiles and instantiates: below this its time says nothing about the next, also where a process gets a
 * small part of a core.
 */
const coldMs = 500;

/** What a pending call is made of. */
export interface PendingCallOptions {
  readonly prepared: PreparedRevision;
  readonly function: string;
  readonly id: string;
  readonly message: CallMessage;
  readonly queue: FunctionQueue;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly signal: Cancellation | undefined;
  /** Monotonic milliseconds at which it came. */
  readonly cameAt: number;
  resolve(result: CallResult): void;
  reject(reason: unknown): void;
}

/** One call; it settles once, and what comes later is dropped. */
export class PendingCall {
  readonly prepared: PreparedRevision;
  readonly function: string;
  readonly id: string;
  readonly message: CallMessage;
  readonly queue: FunctionQueue;
  readonly deadline: number;
  readonly signal: Cancellation | undefined;
  readonly cameAt: number;
  /** Monotonic milliseconds at which it last went to a thread. */
  sentAt = 0;
  /** Threads that took it and failed before it started. */
  failures = 0;
  readonly #resolve: PendingCallOptions["resolve"];
  readonly #reject: PendingCallOptions["reject"];
  #settled = false;

  constructor(options: PendingCallOptions) {
    this.prepared = options.prepared;
    this.function = options.function;
    this.id = options.id;
    this.message = options.message;
    this.queue = options.queue;
    this.deadline = options.deadline;
    this.signal = options.signal;
    this.cameAt = options.cameAt;
    this.#resolve = options.resolve;
    this.#reject = options.reject;
  }

  /** Answers it. */
  succeed(json: CallResult["json"], { runMs, serviceMs }: Pick<CallResult, "runMs" | "serviceMs">): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#resolve({ json, queueMs: Math.max(0, this.sentAt - this.cameAt), runMs, serviceMs });
  }

  /** Fails it; a HerdError, or the reason of its signal. */
  fail(reason: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#reject(reason);
  }

  /** Fails it when it was cancelled or its deadline passed before it started; true when it is settled. */
  expire(now: number): boolean {
    if (this.signal?.aborted === true) this.fail(this.signal.reason);
    else if (this.deadline <= now) {
      this.fail(new HerdError("function.deadline", `${this.function} waited for a free worker until its deadline`));
    }
    return this.#settled;
  }
}

/** The calls that wait for one function, and how long its calls take. */
export class FunctionQueue {
  readonly calls: PendingCall[] = [];
  #meanMs: number | undefined;

  /** Decayed mean of a call's milliseconds; undefined until one ended. It rises fast and falls slowly. */
  get meanMs(): number | undefined {
    return this.#meanMs;
  }

  /**
   * Learns from a call and says how long it had its worker, of the time for which it was there: see {@link CallResult}. A process that
   * gets a part of a core waits for it inside of runs and outside, by chance: only both together tell what a thread gets done. The
   * shorter a function's calls, the less of that is theirs; small ones share their way. `cold`: its thread saw the function's revision
   * for the first time.
   */
  observe(runMs: number, { awayMs, cold }: { readonly awayMs: number; readonly cold: boolean }): number | undefined {
    if (cold && runMs < coldMs) return undefined;
    const mean = this.#meanMs ?? runMs;
    this.#meanMs = mean + (runMs - mean) * (runMs > mean ? 0.5 : 0.125);
    if (this.isSmall) return runMs;
    return runMs + Math.max(0, awayMs - runMs) * Math.min(1, mean / longMs, runMs / longMs);
  }

  /** An unknown function counts as long: it may be. */
  get isLong(): boolean {
    return this.#meanMs === undefined || this.#meanMs > longMs;
  }

  /** Whether its calls may travel with others. */
  get isSmall(): boolean {
    return this.#meanMs !== undefined && this.#meanMs <= smallMs;
  }
}
