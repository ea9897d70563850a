// Resident memory of a node: its process, and the children that it keeps.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** Resident memory in MiB: of the node's own process, and of its children together. */
export interface Resident {
  readonly node: number;
  readonly children: number;
}

/** What a node and its children hold now; children are seen on Linux alone, and nothing on Windows. */
export async function resident(pid: number): Promise<Resident> {
  const [node = Number.NaN, ...children] = await Promise.all([pid, ...(await childrenOf(pid))].map(mebibytes));
  return { node, children: children.reduce((sum, size) => sum + size, 0) };
}

async function childrenOf(pid: number): Promise<number[]> {
  if (process.platform !== "linux") return [];
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

/** A child that ended meanwhile holds nothing. */
async function mebibytes(pid: number): Promise<number> {
  if (process.platform === "win32") return Number.NaN;
  const output = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)]).catch(() => undefined);
  return output === undefined ? 0 : Number(output.stdout.trim()) / 1024;
}
