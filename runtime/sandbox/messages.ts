// Messages between the main thread and a worker thread.
import type { MessagePort } from "node:worker_threads";
import type { Limits } from "../../src/core/limits.js";
import type { ArgumentFormat } from "./call.js";
import type { LogLevel } from "./host-functions.js";
import type { PreparedRevision } from "./prepared-revision.js";

/** The one Piscina task of a thread, which ends with the thread: what it keeps for its life. */
export interface StartupMessage {
  readonly inbox: SharedArrayBuffer;
  readonly results: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly nodeName: string;
  readonly limits: Limits;
}

/** A call's arguments as they cross to a thread. Large ones are UTF-8 in memory of their own. */
export type CallBody = string | SharedArrayBuffer;

/** One call as a thread runs it. `revision` is the number by which the thread knows a revision that it has loaded. */
export interface CallMessage {
  readonly revision: number;
  readonly functionIndex: number;
  readonly format: ArgumentFormat;
  readonly body: CallBody;
}

/** A revision that a thread loads, with the number that no other revision of the thread had. */
export interface NumberedRevision {
  readonly id: number;
  readonly prepared: PreparedRevision;
}

/** What a batch needs beside the inbox, on the port of the startup message: revisions to drop and load before. */
export interface BatchExtras {
  readonly drop: readonly number[];
  readonly load: readonly NumberedRevision[];
  /** Bodies that found no room in the inbox, by the place of their call in the batch. */
  readonly bodies: ReadonlyMap<number, CallBody>;
}

/**
 * A message beside the result buffer, on the port of the startup message: `index` is a call's place in the batch that
 * runs.
 */
export type SideMessage =
  /** The thread takes batches. `kernelId` is undefined where there is none. */
  | { readonly kind: "ready"; readonly kernelId: number | undefined }
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
