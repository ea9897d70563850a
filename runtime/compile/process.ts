// The compiler's process: it sees hostile input, so it may hang, crash or swell without the node noticing more than an answer that never comes.
import { Worker } from "node:worker_threads";
import { HerdError } from "../../src/core/errors.js";
import { Asc } from "./asc.js";
import { compile } from "./compile.js";
import type { CompileReply, CompileRequest } from "./messages.js";

function send(reply: CompileReply): void {
  process.send?.(reply);
}

async function answer(asc: Asc, request: CompileRequest): Promise<CompileReply> {
  try {
    const done = await compile(asc, request);
    return { kind: "done", ...done, residentBytes: process.memoryUsage.rss() };
  } catch (cause) {
    const error =
      cause instanceof HerdError
        ? cause
        : new HerdError("source.invalid", `the compiler failed on this source: ${String(cause).slice(0, 200)}`);
    return { kind: "failed", error: error.toData(), residentBytes: process.memoryUsage.rss() };
  }
}

/** Serves one node until its channel closes; `memoryLimitBytes` comes as the first argument. */
function main(memoryLimitBytes: number): void {
  // A thread of its own watches the memory: this one is busy while it compiles.
  new Worker(new URL("memory-watch.js", import.meta.url), { workerData: memoryLimitBytes }).unref();
  const asc = new Asc();
  process.on("message", (request: CompileRequest) => void answer(asc, request).then(send));
  process.on("disconnect", () => process.exit());
  send({ kind: "ready" });
}

main(Number(process.argv[2]));
