// Which run of a process id is meant: ids come back, most of all in containers, where every main process is number 1.

import { readFileSync } from "node:fs";

/** A text that differs between two processes that had the same id one after the other, where the system tells; else empty. */
export function processStart(pid: number): string {
  if (process.platform !== "linux") return "";
  try {
    // proc(5): the 22nd field; the second, the name in parentheses, may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
    const ticks = fields.slice(fields.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${ticks}`;
  } catch {
    return "";
  }
}

/** Whether a process with this id runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
