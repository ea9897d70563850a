// The limits that bound a guest and a request: one place for their defaults.

/** Bounds of a node. Bytes are bytes, times milliseconds. */
export interface Limits {
  /** Wall-clock time of one call, queueing included. */
  readonly deadlineMs: number;
  /** Linear memory of one instance; a multiple of 64 KiB. */
  readonly memoryBytes: number;
  /** JSON text of a call's arguments. */
  readonly argumentBytes: number;
  /** JSON text of a call's result. */
  readonly resultBytes: number;
  /** Log lines kept of one call; what comes after is counted and dropped. */
  readonly logLines: number;
  /** UTF-8 bytes of one log line; a longer one is cut. */
  readonly logLineBytes: number;
  /** Calls waiting on this node before `node.overloaded`. */
  readonly queueLength: number;
  /** Argument text of all calls that wait or run on this node before `node.overloaded`; one call is always let in. */
  readonly queueBytes: number;
  /** Connections of clients at once, where the process may have as many descriptors; fewer where it may not. */
  readonly connections: number;
  /** The same from one address: an IPv4 address, or 64 bits of an IPv6 address. */
  readonly connectionsPerAddress: number;
  /** All source files of an upload together. */
  readonly sourceBytes: number;
  /** Files of an upload. */
  readonly sourceFiles: number;
  /** Processor time of one compilation: more is the source's fault. */
  readonly compileCpuMs: number;
  /** Wall-clock time of one compilation, from its turn on: more is the machine's fault. */
  readonly compileTimeoutMs: number;
  /** Resident memory of the compiler's process. */
  readonly compileMemoryBytes: number;
}

const mebibyte = 1024 * 1024;

/** The limits of a node that configures none. */
export const defaultLimits: Limits = {
  deadlineMs: 5_000,
  memoryBytes: 64 * mebibyte,
  argumentBytes: 6 * mebibyte,
  resultBytes: 6 * mebibyte,
  logLines: 100,
  logLineBytes: 4_096,
  queueLength: 1_024,
  queueBytes: 256 * mebibyte,
  connections: 4_096,
  connectionsPerAddress: 2_048,
  sourceBytes: mebibyte,
  sourceFiles: 256,
  compileCpuMs: 10_000,
  compileTimeoutMs: 60_000,
  compileMemoryBytes: 1_024 * mebibyte,
};
