// A call between `run` and its end, as the main thread keeps it, and the queue of calls that wait for one function.

import type { CallResult, RevisionCall } from "../call.js";
import { DeadlineExceeded } from "../failures.js";
import type { CallBody } from "../messages.js";
import type { PreparedRevision } from "../prepared-revision.js";

/** A function with a larger mean travels alone, not in a batch. In milliseconds. */
const smallMs = 0.25;
/** A function with a larger mean counts as long. In milliseconds. */
const longMs = 2;
/**
 * Cold start: a first call in a thread compiles and instantiates. Below this time, in milliseconds, it allows no
 * conclusion for the next call, even where the process gets a small part of a core.
 */
const coldMs = 500;

/** Callbacks for the end of a call. */
export interface CallEnd {
  resolve(result: CallResult): void;
  reject(reason: unknown): void;
}

/** How a call waits and crosses to a thread. */
export interface PendingCallOptions {
  readonly functionIndex: number;
  readonly body: CallBody;
  readonly queue: FunctionQueue;
  /** Monotonic milliseconds of the call's arrival. */
  readonly cameAt: number;
  readonly end: CallEnd;
  /** Called once when the call settles, before `end`. */
  onSettled(call: PendingCall): void;
}

/** One call. It settles once; later results are dropped. */
export class PendingCall {
  readonly call: RevisionCall;
  readonly functionIndex: number;
  readonly body: CallBody;
  readonly queue: FunctionQueue;
  readonly cameAt: number;
  /** Monotonic milliseconds at which the call last went to a thread. */
  sentAt = 0;
  /** Threads that took the call and failed before it started. */
  failures = 0;
  readonly #end: CallEnd;
  readonly #onSettled: PendingCallOptions["onSettled"];
  #settled = false;

  constructor(call: RevisionCall, { functionIndex, body, queue, cameAt, end, onSettled }: PendingCallOptions) {
    this.call = call;
    this.functionIndex = functionIndex;
    this.body = body;
    this.queue = queue;
    this.cameAt = cameAt;
    this.#end = end;
    this.#onSettled = onSettled;
  }

  get prepared(): PreparedRevision {
    return this.call.prepared;
  }

  get function(): string {
    return this.call.function;
  }

  /** Milliseconds since the epoch. */
  get deadline(): number {
    return this.call.deadline;
  }

  /** Resolves the call. */
  succeed(json: CallResult["json"], { runMs, serviceMs }: Pick<CallResult, "runMs" | "serviceMs">): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#leave();
    try {
      this.#end.resolve({ json, queueMs: Math.max(0, this.sentAt - this.cameAt), runMs, serviceMs });
    } catch (cause) {
      throwLater(cause);
    }
  }

  /** Rejects the call with a HerdError, or with the reason of its signal. */
  fail(reason: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#leave();
    try {
      this.#end.reject(reason);
    } catch (cause) {
      throwLater(cause);
    }
  }

  #leave(): void {
    try {
      this.#onSettled(this);
    } catch (cause) {
      throwLater(cause);
    }
  }

  /** Whether the call was cancelled, or its deadline passed. */
  isOver(now: number): boolean {
    return this.#settled || this.call.signal?.aborted === true || this.deadline <= now;
  }

  /** Rejects the call when it {@link isOver} before it started; true when it is settled. */
  expire(now: number): boolean {
    const { signal } = this.call;
    if (signal?.aborted === true) this.fail(signal.reason);
    else if (this.deadline <= now) {
      this.fail(new DeadlineExceeded(`${this.function} waited for a free worker until its deadline`));
    }
    return this.#settled;
  }
}

/** A defect of a callback must not stop what settles the other calls of the batch: it is the process's to report. */
function throwLater(cause: unknown): void {
  queueMicrotask(() => {
    throw cause;
  });
}

/** The calls that wait for one function, and how long its calls take. */
export class FunctionQueue {
  readonly calls: PendingCall[] = [];
  #meanMs: number | undefined;

  /**
   * EWMA of a call's milliseconds; undefined until one ended. It rises fast (weight 1/2) and falls slowly (weight 1/8),
   * so that a function that became slow soon counts as long.
   */
  get meanMs(): number | undefined {
    return this.#meanMs;
  }

  /**
   * Learns from a call, and returns its service time: see {@link CallResult}. `awayMs` is the time between sending and
   * result.
   *
   * A process that gets a part of a core waits for it inside of runs and outside, by chance: only both together measure
   * how much a thread gets done. The shorter a function's calls, the smaller the part of that wait which belongs to
   * them; small calls share their way. `cold`: the thread had not loaded the revision before.
   */
  observe(runMs: number, { awayMs, cold }: { readonly awayMs: number; readonly cold: boolean }): number | undefined {
    if (cold && runMs < coldMs) return undefined;
    const mean = this.#meanMs ?? runMs;
    this.#meanMs = mean + (runMs - mean) * (runMs > mean ? 0.5 : 0.125);
    if (this.isSmall) return runMs;
    return runMs + Math.max(0, awayMs - runMs) * Math.min(1, mean / longMs, runMs / longMs);
  }

  /** A function without a mean counts as long, because it may be. */
  get isLong(): boolean {
    return this.#meanMs === undefined || this.#meanMs > longMs;
  }

  /** Whether its calls may travel in a batch. */
  get isSmall(): boolean {
    return this.#meanMs !== undefined && this.#meanMs <= smallMs;
  }
}
