// Shares of CPU by stopping processes for most of each period, from a thread of its own: a test that is busy must not
// stretch the pulse.

import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { CpuShares } from "./unequal-cpu.js";

const periodMs = 20;
/** What a process may be owed, or may owe, when the thread was late: more is forgotten. */
const maxDebtMs = 2 * periodMs;

/** A process with its share, and what it ran more or less than that so far. */
interface Pulsed {
  readonly pid: number;
  share: number;
  /** Milliseconds that it may still run. */
  credit: number;
  running: boolean;
  since: number;
}

/** One change of a share; a share of 0 lets the process go. */
type Change = readonly [pid: number, share: number];

/**
 * Needs no right but to signal the processes; wall time stands in for CPU time. Not for Windows, which has no such
 * signals.
 */
export class StopAndGo implements CpuShares {
  readonly exact = false;
  readonly means = `stop and go within ${periodMs} ms`;
  readonly #pids = new Set<number>();
  #thread: Worker | undefined;

  async limit(pid: number, share: number): Promise<void> {
    this.#thread ??= new Worker(fileURLToPath(import.meta.url), { workerData: "pulse" });
    this.#pids.add(pid);
    this.#thread.postMessage([pid, share] satisfies Change);
  }

  async release(): Promise<void> {
    await this.#thread?.terminate();
    this.#thread = undefined;
    for (const pid of this.#pids) signal(pid, "SIGCONT");
    this.#pids.clear();
  }
}

function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    // It ended.
    return false;
  }
}

/** Gives each process its credit as time goes by, and lets it run while it has some. */
function pulse(): void {
  const processes = new Map<number, Pulsed>();
  parentPort?.on("message", ([pid, share]: Change) => {
    const known = processes.get(pid);
    if (known !== undefined) known.share = share;
    else processes.set(pid, { pid, share, credit: 0, running: true, since: performance.now() });
  });
  const turn = (): void => {
    for (const each of processes.values()) if (!beat(each)) processes.delete(each.pid);
    setTimeout(turn, 1);
  };
  turn();
}

/** Stops what has run its share, starts what may run for a share of a period; false when the process is gone. */
function beat(each: Pulsed): boolean {
  const now = performance.now();
  const passed = now - each.since;
  each.since = now;
  const gained = each.share * passed - (each.running ? passed : 0);
  each.credit = Math.max(-maxDebtMs, Math.min(maxDebtMs, each.credit + gained));
  const run = each.running ? each.credit > 0 : each.credit >= each.share * (1 - each.share) * periodMs;
  if (run === each.running) return true;
  each.running = run;
  return signal(each.pid, run ? "SIGCONT" : "SIGSTOP");
}

if (!isMainThread && workerData === "pulse") pulse();
