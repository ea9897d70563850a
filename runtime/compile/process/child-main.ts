// The compiler's process. It reads hostile input, so it may hang, crash or swell; the node notices only a missing
// reply.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { HerdError } from "../../../src/core/errors.js";
import { compile } from "../compile.js";
import { Asc } from "../emit/asc.js";
import { type CompileReply, type CompileRequest, usedCpuMs, type WatchedLimits } from "../messages.js";

/** Resolves when the reply has left, or cannot. */
function send(reply: CompileReply): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(reply, undefined, undefined, () => resolve());
  });
}

async function answer(asc: Asc, request: CompileRequest): Promise<CompileReply> {
  try {
    const done = await compile({ asc }, request);
    return { kind: "done", ...done, residentBytes: process.memoryUsage.rss() };
  } catch (cause) {
    const error =
      cause instanceof HerdError
        ? cause
        : new HerdError("source.invalid", `the compiler failed on this source: ${String(cause).slice(0, 200)}`);
    return { kind: "failed", error: error.toData(), residentBytes: process.memoryUsage.rss() };
  }
}

/** Serves one node until its channel closes; the memory limit in bytes comes as the first argument. */
async function main(memoryBytes: number): Promise<void> {
  const cpuDeadlineMs = new Int32Array(new SharedArrayBuffer(4));
  const workerData: WatchedLimits = { memoryBytes, cpuDeadlineMs };
  const watch = new Worker(new URL("limit-watch.js", import.meta.url), { workerData });
  process.on("disconnect", () => process.exit());
  // These signals reach the whole process group (Ctrl-C, a service manager), while the node still waits for the
  // compilation. The node ends this process.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  const asc = new Asc();
  await once(watch, "message");
  watch.unref();
  process.on("message", async (request: CompileRequest) => {
    Atomics.store(cpuDeadlineMs, 0, usedCpuMs() + request.cpuMs);
    const reply = await answer(asc, request);
    Atomics.store(cpuDeadlineMs, 0, 0);
    await send(reply);
    asc.prime();
  });
  // Without the watchdog, nothing is compiled.
  await send({ kind: "ready" });
  // Here and behind each reply, nobody waits for this process: the library's parse is off the next upload's way.
  asc.prime();
}

await main(Number(process.argv[2]));
