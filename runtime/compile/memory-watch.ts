// Thread of the compiler's process that ends it when its resident memory passes the limit; no V8 limit bounds Wasm memory.
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { memoryLimitNotice } from "./messages.js";

const intervalMs = 50;

setInterval(() => {
  if (process.memoryUsage.rss() <= Number(workerData)) return;
  writeSync(2, `${memoryLimitNotice}\n`);
  process.kill(process.pid, "SIGKILL");
}, intervalMs);
