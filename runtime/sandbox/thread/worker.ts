// Entry of a worker thread: Piscina calls its handler with one task after the other. Imports only modules that may run
// in the thread.
import { randomFillSync } from "node:crypto";
import type { MessagePort } from "node:worker_threads";
import { HerdError } from "../../../src/core/errors.js";
import { kernelId } from "../kernel-id.js";
import type { Batch, CallMessage, SideMessage, StartupMessage } from "../messages.js";
import { ResultBuffer } from "../result-buffer.js";
import { Engine } from "./engine.js";
import { keptFrames } from "./trap-place.js";

/**
 * Longest time that a finished result waits in the result buffer while other calls of the batch run, in milliseconds.
 */
const holdMs = 0.25;
/** UTF-16 units of a defect's stack in the log. */
const maxDefectUnits = 2_000;

interface Thread {
  readonly engine: Engine;
  readonly results: ResultBuffer;
  readonly port: MessagePort;
}

let thread: Thread | undefined;

/** Piscina handler; answers the startup message with the kernel's id of this thread, where it is known. */
export function serve(task: StartupMessage | Batch): number | undefined {
  if ("calls" in task) {
    runBatch(task);
    return undefined;
  }
  initialize(task);
  return kernelId();
}

/** Sets the thread up. */
function initialize({ results, port, nodeName, limits }: StartupMessage): void {
  Error.stackTraceLimit = keptFrames;
  // A guest's monotonic clock begins with its thread: the machine's uptime is not revealed.
  const bootedAt = process.hrtime.bigint();
  const host = {
    nodeName,
    now: () => Date.now(),
    monotonicNs: () => process.hrtime.bigint() - bootedAt,
    fillRandom: (bytes: Uint8Array) => void randomFillSync(bytes),
  };
  thread = { engine: new Engine({ limits, host }), results: new ResultBuffer(results), port };
}

/** Runs the calls of a batch that are not taken back meanwhile; results go to the result buffer. */
function runBatch({ calls, load, drop }: Batch): void {
  if (thread === undefined) throw new Error("a batch came before the startup message");
  const { engine, results, port } = thread;
  results.open();
  for (const revision of drop ?? []) engine.drop(revision);
  for (const prepared of load ?? []) engine.load(prepared);
  let collectedAt = performance.now();
  for (let index = 0; index < calls.length; index++) {
    const call = calls[index];
    if (call === undefined || !results.claim(index)) continue;
    const startedAt = performance.now();
    runCall(thread, { call, index });
    const endedAt = performance.now();
    results.finish(index, endedAt - startedAt);
    // After the last call no caller waits, and a reset is shorter than a message.
    const isLast = index === calls.length - 1;
    if (engine.needsInstance || (!isLast && endedAt - collectedAt > holdMs)) {
      port.postMessage({ kind: "collect" } satisfies SideMessage);
      collectedAt = endedAt;
    }
    engine.tidy();
  }
}

function runCall({ engine, results, port }: Thread, { call, index }: { call: CallMessage; index: number }): void {
  try {
    const json = engine.run(call, (level, message) =>
      port.postMessage({ kind: "line", index, level, message } satisfies SideMessage),
    );
    if (results.putJson(index, json)) return;
    const bytes = new TextEncoder().encode(json ?? "");
    port.postMessage({ kind: "result", index, json: bytes } satisfies SideMessage, [bytes.buffer as ArrayBuffer]);
    // Marked only after the message was posted: a reader that sees the mark finds the message.
    results.putPosted(index);
  } catch (error) {
    const failure = error instanceof HerdError ? error : defect(error);
    if (results.putError(index, JSON.stringify(failure.toData()))) return;
    results.putShortError(index, JSON.stringify({ code: failure.code, detail: "" }));
  }
}

/**
 * A defect of the node, not of the batch's other calls: the main thread logs it, and replaces this thread as soon as it
 * is free.
 */
function defect(error: unknown): HerdError {
  const text = error instanceof Error ? (error.stack ?? error.message) : typeof error;
  return new HerdError("internal", text.slice(0, maxDefectUnits));
}
