// How the kernel knows this thread. The only file of the thread that may look at the host's files, and it reads one link.
import { readlinkSync } from "node:fs";

/** The kernel's id of the calling thread, from /proc/thread-self (PID/task/ID, proc(5)); undefined where there is none: not Linux. */
export function kernelId(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const id = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  } catch {
    // A container may hide it.
    return undefined;
  }
}
