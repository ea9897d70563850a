// The memory of an idle node.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Target } from "./processes.js";

/** All processes of the compiler but one end after a minute without work. */
const settleMs = 65_000;

/** Resident memory in MiB of the node and its children, after its compiler went to sleep. */
export async function idleMemory(target: Target): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const children = await childrenOf(target.pid);
  const sizes = await Promise.all([target.pid, ...children].map(residentKibibytes));
  return sizes.reduce((sum, size) => sum + size, 0) / 1024;
}

async function childrenOf(pid: number): Promise<number[]> {
  if (process.platform !== "linux") return [];
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

async function residentKibibytes(pid: number): Promise<number> {
  if (process.platform === "win32") return Number.NaN;
  const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)]);
  return Number(stdout.trim());
}
