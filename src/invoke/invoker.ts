// The one verb that runs a call, wherever it runs: in this node's sandbox, or on a peer.

import type { Clock } from "../core/clock.js";
import { type ErrorData, HerdError } from "../core/errors.js";
import type { ActiveApp, PreparedRevision } from "./app-router.js";

/** A call's arguments as they came: JSON text of a body, or a query string without its question mark. */
export interface CallArguments {
  readonly format: "json" | "query";
  readonly body: Uint8Array | string;
}

/** Tells, when it is looked at, whether anybody still waits for a call. An AbortSignal is one. */
export type Cancellation = Pick<AbortSignal, "aborted" | "reason" | "throwIfAborted">;

/** One request to one function. `deadline` is milliseconds since the epoch. */
export interface Invocation {
  readonly app: ActiveApp;
  readonly function: string;
  readonly arguments: CallArguments;
  readonly invocation: string;
  readonly deadline: number;
  readonly signal: Cancellation;
  /** Id of the one node that is to run it; chosen when undefined. */
  readonly node?: string | undefined;
}

/** What a call gave: JSON text, or null for void; and where its time went. */
export interface Outcome {
  readonly json: string | Uint8Array | null;
  readonly queueMs: number;
  readonly runMs: number;
  /** How long it had its worker: what a worker gets done follows from this. Undefined when it says nothing about another call. */
  readonly serviceMs: number | undefined;
  /** The hop that it made, if it made one. It cannot have made two. */
  readonly hop?: Hop;
}

/** Where a call went: the peer's name, and the milliseconds that it spent outside the peer's queue and run. */
export interface Hop {
  readonly node: string;
  readonly hopMs: number;
}

/** What a function's run on a peer failed with. */
export class PeerFailure extends HerdError {
  readonly hop: Hop;

  constructor(data: ErrorData, hop: Hop) {
    super(data.code, data.detail, data);
    this.hop = hop;
  }
}

/** Runs a call. Rejects with a HerdError. */
export interface Invoker {
  invoke(invocation: Invocation): Promise<Outcome>;
}

/** What the local invoker needs of a sandbox. */
export interface Runner {
  run(call: {
    readonly prepared: PreparedRevision;
    readonly function: string;
    readonly arguments: CallArguments;
    readonly invocation: string;
    readonly deadline: number;
    readonly signal?: Cancellation;
  }): Promise<Outcome>;
}

/** Runs every call in this node's sandbox. Whatever has only this can forward nothing. */
export class LocalInvoker implements Invoker {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  invoke(invocation: Invocation): Promise<Outcome> {
    return this.#runner.run({
      prepared: invocation.app.prepared,
      function: invocation.function,
      arguments: invocation.arguments,
      invocation: invocation.invocation,
      deadline: invocation.deadline,
      signal: invocation.signal,
    });
  }
}

/**
 * The deadline of a call that arrives now: the node's limit, or sooner when the caller says so in `herd-deadline-ms`.
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
