// What crosses between the node and the thread that looks at components; one request at a time, each with one answer.
import type { ErrorData } from "../../../src/core/errors.js";
import type { AppInterface } from "../../interface/model.js";
import type { PreparedRevision } from "../prepared-revision.js";

/**
 * To the thread: make this component ready to run, or only read its interface; or see whether bytes are a stored
 * source.
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

/** From the thread: once that it is there, with the kernel's id of it where there is one; then an answer a request. */
export type PrepareReply =
  | { readonly kind: "ready"; readonly kernelId: number | undefined }
  | { readonly kind: "prepared"; readonly prepared: PreparedRevision }
  | { readonly kind: "inspected"; readonly interface: AppInterface }
  | { readonly kind: "checked" }
  | { readonly kind: "refused"; readonly error: ErrorData }
  /** Our fault: the thread is to be replaced. */
  | { readonly kind: "broken"; readonly cause: string };
