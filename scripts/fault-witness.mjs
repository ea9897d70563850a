// Loaded into every process that a test run starts: what ends one of them without having been handled fails the run.

import { appendFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const { HERD_FAULTS: file } = process.env;
const [, program = ""] = process.argv;
// The runner tells of suites by itself, and a thread's end is its process' business.
if (file && isMainThread && !program.endsWith(".test.js")) {
  process.on("uncaughtExceptionMonitor", (error, origin) => {
    const stack = error instanceof Error ? error.stack : String(error);
    appendFileSync(file, `${process.argv.slice(1).join(" ")}: ${origin}: ${stack}\n`);
  });
}
