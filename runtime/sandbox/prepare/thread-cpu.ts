// CPU time of a thread of this process: it tells a hostile input from a slow machine.
import { readFileSync } from "node:fs";

/** Linux reports hundredths of a second to programs, whatever its timer does (proc(5), USER_HZ). */
const tickMs = 10;

/**
 * CPU time of the thread with that kernel id, in ms, from /proc/self/task/ID/stat; undefined where that cannot be
 * known.
 */
export function threadCpuMs(kernelId: number | undefined): number | undefined {
  if (kernelId === undefined) return undefined;
  try {
    const text = readFileSync(`/proc/self/task/${kernelId}/stat`, "latin1");
    // The name in parentheses may hold any character; utime and stime are the 14th and 15th fields.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Number.isFinite(ticks) ? ticks * tickMs : undefined;
  } catch {
    // A container may hide /proc; the thread may be gone.
    return undefined;
  }
}
