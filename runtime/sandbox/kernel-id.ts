// The kernel's id of a thread. The only file of the worker thread that may read the host's files; it reads one link.
import { readlinkSync } from "node:fs";

/**
 * The kernel's id of the calling thread, from /proc/thread-self (PID/task/ID, proc(5)); undefined on systems other than
 * Linux.
 */
export function kernelId(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const id = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  } catch {
    // A container may hide /proc.
    return undefined;
  }
}
