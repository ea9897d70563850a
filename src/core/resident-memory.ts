// How much memory the process has, where that can be read.

/**
 * Resident memory of this process in bytes; undefined when the system does not tell. Node reads a file for it, which
 * fails while the process is out of file descriptors (EMFILE): a figure must not be what ends a process then.
 */
export function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}
