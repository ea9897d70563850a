// A call as a sandbox takes it, and its result: the types that every stage of a call shares.
import type { LogLevel } from "./host-functions.js";
import type { PreparedRevision } from "./prepared-revision.js";

/** How a call's arguments came: as JSON text, or as a query string without its question mark. */
export type ArgumentFormat = "json" | "query";

/** A call's arguments as they came. Bytes must not change until the call settles. */
export interface CallArguments {
  readonly format: ArgumentFormat;
  readonly body: Uint8Array | string;
}

/**
 * Cancellation of a call, polled: `aborted` is true when no caller waits for the result any more. An AbortSignal is
 * one.
 */
export type Cancellation = Pick<AbortSignal, "aborted" | "reason" | "throwIfAborted">;

/** Takes the lines that a call's function logs, while the call runs. */
export interface CallLog {
  line(level: LogLevel, message: string): void;
}

/** A call of one function; each stage of its way adds its own fields. */
export interface Call {
  /** The id that a client sees, unique in the node that accepted the call. */
  readonly id: string;
  readonly function: string;
  readonly arguments: CallArguments;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly signal?: Cancellation;
  /** Without it, what the function logs is dropped. */
  readonly log?: CallLog | undefined;
}

/** A call with the revision that runs it. */
export interface RevisionCall extends Call {
  readonly prepared: PreparedRevision;
}

/** The result of a call. `json` is null for void, bytes when the result is large; times in milliseconds. */
export interface CallResult {
  readonly json: string | Uint8Array | null;
  readonly queueMs: number;
  readonly runMs: number;
  /**
   * Service time: how long the call had its worker. That is the run, and for longer functions a larger share of the
   * ways there and back. Undefined when this time allows no conclusion for another call.
   */
  readonly serviceMs: number | undefined;
}
