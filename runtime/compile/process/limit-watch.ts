// Watchdog thread of the compiler's process: it ends the process over a limit. The main thread is busy while it
// compiles, and no V8 limit bounds Wasm memory. Processor time is the process's own (getrusage, GetProcessTimes): time
// that other programs take from the machine is not the source's fault.
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { cpuLimitNotice, memoryLimitNotice, usedCpuMs, type WatchedLimits } from "../messages.js";

const intervalMs = 50;
const { memoryBytes, cpuDeadlineMs } = workerData as WatchedLimits;

setInterval(() => {
  const deadline = Atomics.load(cpuDeadlineMs, 0);
  if (deadline > 0 && usedCpuMs() > deadline) end(cpuLimitNotice);
  else if (process.memoryUsage.rss() > memoryBytes) end(memoryLimitNotice);
}, intervalMs);
parentPort?.postMessage("watching");

function end(notice: string): void {
  writeSync(2, `${notice}\n`);
  process.kill(process.pid, "SIGKILL");
}
