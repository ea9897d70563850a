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

/** Runs a call. Rejects with a HerdError. */
export interface Invoker {
  invoke(invocation: Invocation): Promise<InvocationResult>;
}

/** The part of a sandbox that the local invoker uses. */
export interface Runner {
  run(call: Call & { readonly prepared: CallableRevision }): Promise<CallResult>;
}

/** Runs every call in this node's sandbox. Code that holds only this invoker cannot forward a call. */
export class LocalInvoker implements Invoker {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  invoke(invocation: Invocation): Promise<InvocationResult> {
    return this.#runner.run({
      prepared: invocation.app.prepared,
      function: invocation.function,
      arguments: invocation.arguments,
      id: invocation.id,
      deadline: invocation.deadline,
      signal: invocation.signal,
    });
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
