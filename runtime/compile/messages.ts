// What the compiler's process and the node say to each other.
import type { ErrorData } from "../../src/core/errors.js";
import type { AppInterface } from "../interface/model.js";
import type { SourceFile } from "./source/sources.js";

/** To the process: compile these files, which were checked. */
export interface CompileRequest {
  readonly files: ReadonlyMap<string, SourceFile>;
  /** One of `files`. */
  readonly entry: SourceFile;
  /** Processor time that the process may use for it. */
  readonly cpuMs: number;
}

/** From the process: once, when it can compile; then one answer a request. `residentBytes` is its memory by then. */
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

/** What the thread that watches the limits is given. */
export interface WatchedLimits {
  readonly memoryBytes: number;
  /**
   * One number: the processor time of the process, in ms, at which the request under way is over its limit; 0 between
   * requests.
   */
  readonly cpuDeadlineMs: Int32Array;
}

/** Processor time that this process has used so far, of all its threads, in whole milliseconds. */
export function usedCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return Math.floor((user + system) / 1_000);
}
