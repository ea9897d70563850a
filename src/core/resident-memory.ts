// How much memory the process has, where that can be read.

import type { Metrics } from "./metrics.js";

/**
 * Resident memory of this process in bytes; undefined when the system does not report it. Node reads a file for it,
 * which fails while the process is out of file descriptors (EMFILE): a figure must not be what ends a process then.
 */
export function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}

/** Registers `process_resident_memory_bytes`. */
export function registerResidentMemory(metrics: Metrics): void {
  const help = "Resident memory of the node.";
  metrics.gauge({ name: "process_resident_memory_bytes", help }, () => residentBytes() ?? Number.NaN);
}
