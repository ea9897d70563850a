// Messages between the node and the preparer's thread; one request at a time, each with one reply.
import type { ErrorData } from "../../../src/core/errors.js";
import type { AppInterface } from "../../interface/model.js";
import type { PreparedRevision } from "../prepared-revision.js";

/** What a thread is started with: the types that the process has, and the most that it may have. */
export interface SharedTypes {
  readonly table: SharedArrayBuffer;
  readonly most: number;
}

/**
 * To the thread: make this component ready to run, only read its interface, or check that bytes are a stored source.
 */
export type PrepareRequest =
  | {
      readonly kind: "prepare";
      readonly bytes: Uint8Array;
      readonly revision: string;
      readonly memoryBytes: number;
    }
  | { readonly kind: "inspect"; readonly bytes: Uint8Array }
  | { readonly kind: "check-source"; readonly bytes: Uint8Array };

/**
 * From the thread: once `ready`, with the kernel's id of the thread where it is known; then one reply to each request.
 */
export type PrepareReply =
  | { readonly kind: "ready"; readonly kernelId: number | undefined }
  | { readonly kind: "prepared"; readonly prepared: PreparedRevision }
  | { readonly kind: "inspected"; readonly interface: AppInterface }
  | { readonly kind: "checked" }
  | { readonly kind: "refused"; readonly error: ErrorData }
  /** A defect of the node: the thread is to be replaced. */
  | { readonly kind: "broken"; readonly cause: string };
