// Which run of a process id is meant: ids come back, most of all in containers, where every main process is number 1.

import { readFileSync } from "node:fs";

/** proc(5): the fields of a process from the third on; the second, the name in parentheses, may hold anything. */
function statOf(pid: number): string[] {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
  return fields.slice(fields.lastIndexOf(")") + 2).split(" ");
}

/**
 * A text that differs between two processes that had the same id one after the other, where the system shows it; else
 * empty.
 */
export function processStart(pid: number): string {
  if (process.platform !== "linux") return "";
  try {
    const ticks = statOf(pid)[19] ?? "";
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${ticks}`;
  } catch {
    return "";
  }
}

/**
 * Whether a process ended, all its threads too, and only waits for its parent to collect it: in a container, perhaps
 * for ever.
 */
function isZombie(pid: number): boolean {
  if (process.platform !== "linux") return false;
  try {
    const fields = statOf(pid);
    return fields[0] === "Z" && Number(fields[17]) <= 1;
  } catch {
    return false;
  }
}

/** Whether a process with this id runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
