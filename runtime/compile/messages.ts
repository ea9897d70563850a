// Messages between the compiler's process and the node.

import type { ErrorData } from "../../src/core/errors.js";
import type { SourceFile } from "../../src/core/source-file.js";
import type { AppInterface } from "../interface/model.js";

/** To the process: compile these files, which were checked. */
export interface CompileRequest {
  readonly files: ReadonlyMap<string, SourceFile>;
  /** The entry, one of `files`. */
  readonly entry: SourceFile;
  /** Processor time that the process may use for the request, in milliseconds. */
  readonly cpuMs: number;
}

/**
 * From the process: once, when it can compile; then one reply to each request. `residentBytes` is its memory by then.
 */
export type CompileReply =
  | { readonly kind: "ready" }
  | {
      readonly kind: "done";
      readonly component: Uint8Array;
      readonly interface: AppInterface;
      readonly residentBytes: number;
    }
  | { readonly kind: "failed"; readonly error: ErrorData; readonly residentBytes: number };

/** Last line on stderr of a process that ended itself over its memory limit. */
export const memoryLimitNotice = "herd: compiler over its memory limit";
/** The same for the processor time of a request. */
export const cpuLimitNotice = "herd: compiler over its processor time";

/** What the thread that watches the limits receives. */
export interface WatchedLimits {
  readonly memoryBytes: number;
  /**
   * One number: the processor time of the process, in ms, at which the current request exceeds its limit; 0 between
   * requests.
   */
  readonly cpuDeadlineMs: Int32Array;
}

/** Processor time of this process so far, of all its threads, in whole milliseconds. */
export function usedCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return Math.floor((user + system) / 1_000);
}
