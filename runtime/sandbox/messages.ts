// Messages between the main thread and a worker thread.
import type { MessagePort } from "node:worker_threads";
import type { Limits } from "../../src/core/limits.js";
import type { ArgumentFormat } from "./call.js";
import type { LogLevel } from "./host-functions.js";
import type { PreparedRevision } from "./prepared-revision.js";

/**
 * First task of a thread: what it keeps for its life. Answered with the kernel's id of the thread, undefined where
 * there is none.
 */
export interface StartupMessage {
  readonly results: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly nodeName: string;
  readonly limits: Limits;
}

/**
 * One call as it is posted. A tuple, since a structured clone writes an object's keys again for every call. A large
 * body is UTF-8 in shared memory.
 */
export type CallMessage = readonly [
  revision: string,
  functionIndex: number,
  format: ArgumentFormat,
  body: string | SharedArrayBuffer,
];

/** A Piscina task: calls to run one after the other, and the revisions to load or drop before. */
export interface Batch {
  readonly calls: readonly CallMessage[];
  readonly load?: readonly PreparedRevision[];
  readonly drop?: readonly string[];
}

/**
 * A message beside the result buffer, on the port of the startup message: `index` is a call's place in the batch that
 * runs.
 */
export type SideMessage =
  | { readonly kind: "line"; readonly index: number; readonly level: LogLevel; readonly message: string }
  /** A result that was too large for the result buffer. */
  | { readonly kind: "result"; readonly index: number; readonly json: Uint8Array }
  /** Requests the main thread to read the result buffer now: the next step may take long. */
  | { readonly kind: "collect" };

/**
 * Name of the function that the worker's module exports as Piscina's handler. The only handler, so that a ready thread
 * has loaded it.
 */
export const handler = "serve";
