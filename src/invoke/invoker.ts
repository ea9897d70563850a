// The one verb that runs a call, in this node's sandbox or on a peer.

import type { Call, CallResult, Cancellation } from "../../runtime/sandbox/call.js";
import type { CallableRevision } from "../../runtime/sandbox/prepared-revision.js";
import type { Clock } from "../core/clock.js";
import { type ErrorData, HerdError } from "../core/errors.js";
import type { ActiveApp } from "./app-router.js";

/** A call of an app, to be run by any node of the mesh that is able to. */
export interface Invocation extends Call {
  readonly app: ActiveApp;
  readonly signal: Cancellation;
  /** Id of the only node that may run the call; the node is chosen when undefined. */
  readonly node?: string | undefined;
}

/** The result of an invocation, with the hop when a peer ran the call. An invocation makes one hop at most. */
export interface InvocationResult extends CallResult {
  readonly hop?: Hop;
}

/** Where a call went: the peer's name, and the milliseconds that the call spent outside the peer's queue and run. */
export interface Hop {
  readonly node: string;
  readonly hopMs: number;
}

/** The failure of a function's run on a peer. */
export class PeerFailure extends HerdError {
  readonly hop: Hop;

  constructor(data: ErrorData, hop: Hop) {
    super(data.code, data.detail, data);
    this.hop = hop;
  }
}

/** Callbacks for the end of an invocation: one of them is called, and once. They must not throw. */
export interface InvocationEnd {
  resolve(result: InvocationResult): void;
  /** `error` is a HerdError, or the reason of the invocation's signal. */
  reject(error: unknown): void;
}

/** Runs calls. By callbacks, since each call would pay for every promise on its way. */
export interface Invoker {
  /** Never throws. May call `end` before it returns. */
  begin(invocation: Invocation, end: InvocationEnd): void;
}

/** Settles `end` as the promise settles. */
export function settle(promise: Promise<InvocationResult>, end: InvocationEnd): void {
  promise.then(
    (result) => end.resolve(result),
    (error: unknown) => end.reject(error),
  );
}

/** The part of a sandbox that the local invoker uses; see `Sandbox.begin`. */
export interface Runner {
  begin(
    call: Call & { readonly prepared: CallableRevision },
    end: { resolve(result: CallResult): void; reject(error: unknown): void },
  ): void;
}

/** Runs every call in this node's sandbox. Code that holds only this invoker cannot forward a call. */
export class LocalInvoker implements Invoker {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  begin(invocation: Omit<Invocation, "node">, end: InvocationEnd): void {
    const { app, function: name, arguments: args, id, deadline, signal, log } = invocation;
    try {
      this.#runner.begin({ prepared: app.prepared, function: name, arguments: args, id, deadline, signal, log }, end);
    } catch (error) {
      end.reject(error);
    }
  }
}

/**
 * The deadline of a call that arrives now: the node's limit, or an earlier one that the caller sets with
 * `herd-deadline-ms`.
 * @throws {HerdError} `request.malformed` when the header is no positive integer.
 */
export function deadlineOf(
  header: string | undefined,
  limits: { readonly deadlineMs: number; readonly clock: Clock },
): number {
  const now = limits.clock.now();
  if (header === undefined) return now + limits.deadlineMs;
  if (!/^0*[1-9][0-9]{0,15}$/.test(header)) {
    throw new HerdError("request.malformed", "the header herd-deadline-ms takes a positive integer of milliseconds");
  }
  return now + Math.min(Number(header), limits.deadlineMs);
}
