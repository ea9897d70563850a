// A call as a sandbox takes it and the result that it gives: the words that every stage of a call shares.
import type { PreparedRevision } from "./prepared-revision.js";

/** How a call's arguments came: as JSON text, or as a query string without its question mark. */
export type ArgumentFormat = "json" | "query";

/** A call's arguments as they came. Bytes must not change until the call settled. */
export interface CallArguments {
  readonly format: ArgumentFormat;
  readonly body: Uint8Array | string;
}

/** Cancellation of a call, read when the call is looked at: whether nobody waits for its result. An AbortSignal is one. */
export type Cancellation = Pick<AbortSignal, "aborted" | "reason" | "throwIfAborted">;

/** A call of one function; each stage adds what it needs to know beside. */
export interface Call {
  /** The id that a client sees, unique in the node that accepted the call. */
  readonly id: string;
  readonly function: string;
  readonly arguments: CallArguments;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly signal?: Cancellation;
}

/** A call with the revision that runs it. */
export interface RevisionCall extends Call {
  readonly prepared: PreparedRevision;
}

/** What a call came to. `json` is null for void, bytes when it is large; times in milliseconds. */
export interface CallResult {
  readonly json: string | Uint8Array | null;
  readonly queueMs: number;
  readonly runMs: number;
  /**
   * How long the call had its worker: the run, and the more of the ways there and back the longer that is. Undefined
   * when this time allows no conclusion for another call.
   */
  readonly serviceMs: number | undefined;
}
