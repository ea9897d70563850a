// The thread's entry: Piscina calls its handler with one task after the other. Imports only what runs in the thread.
import { randomFillSync } from "node:crypto";
import type { MessagePort } from "node:worker_threads";
import { HerdError } from "../../../src/core/errors.js";
import { kernelId } from "../kernel-id.js";
import type { Batch, CallMessage, Greeting, SideMessage } from "../messages.js";
import { Outbox } from "../result-buffer.js";
import { Engine } from "./engine.js";
import { keptFrames } from "./trap-place.js";

/** A finished result waits in the outbox no longer than this while other calls run, if the thread can help it. */
const holdMs = 0.25;
/** What the log gets to know of a defect. */
const maxDefectUnits = 2_000;

interface Thread {
  readonly engine: Engine;
  readonly outbox: Outbox;
  readonly port: MessagePort;
}

let thread: Thread | undefined;

/** Piscina handler; answers a greeting with the kernel's id of this thread, when it can be known. */
export function serve(task: Greeting | Batch): number | undefined {
  if ("calls" in task) {
    runBatch(task);
    return undefined;
  }
  greet(task);
  return kernelId();
}

/** Sets the thread up. */
function greet({ outbox, port, nodeName, limits }: Greeting): void {
  Error.stackTraceLimit = keptFrames;
  // A guest's monotonic clock begins with its thread: how long the machine is up is none of its business.
  const bootedAt = process.hrtime.bigint();
  const host = {
    nodeName,
    now: () => Date.now(),
    monotonicNs: () => process.hrtime.bigint() - bootedAt,
    fillRandom: (bytes: Uint8Array) => void randomFillSync(bytes),
  };
  thread = { engine: new Engine({ limits, host }), outbox: new Outbox(outbox), port };
}

/** Runs the calls of a batch that are not taken back meanwhile; results go to the outbox. */
function runBatch({ calls, load, drop }: Batch): void {
  if (thread === undefined) throw new Error("a batch came before the greeting");
  const { engine, outbox, port } = thread;
  for (const revision of drop ?? []) engine.drop(revision);
  for (const prepared of load ?? []) engine.load(prepared);
  outbox.open();
  let collectedAt = performance.now();
  for (let index = 0; index < calls.length; index++) {
    const call = calls[index];
    if (call === undefined || !outbox.claim(index)) continue;
    const startedAt = performance.now();
    runCall(thread, { call, index });
    const endedAt = performance.now();
    outbox.finish(index, endedAt - startedAt);
    // After the last call nobody waits but for the tidying, and a reset is shorter than a message.
    const isLast = index === calls.length - 1;
    if (engine.needsInstance || (!isLast && endedAt - collectedAt > holdMs)) {
      port.postMessage({ kind: "collect" } satisfies SideMessage);
      collectedAt = endedAt;
    }
    engine.tidy();
  }
}

function runCall({ engine, outbox, port }: Thread, { call, index }: { call: CallMessage; index: number }): void {
  const [revision, functionIndex, format, body] = call;
  try {
    const json = engine.run({ revision, function: functionIndex, format, text: textOf(body) }, (level, message) =>
      port.postMessage({ kind: "line", index, level, message } satisfies SideMessage),
    );
    if (outbox.putJson(index, json)) return;
    const bytes = new TextEncoder().encode(json ?? "");
    port.postMessage({ kind: "result", index, json: bytes } satisfies SideMessage, [bytes.buffer as ArrayBuffer]);
    // Marked only after the message was posted: who sees the mark finds the message.
    outbox.putPosted(index);
  } catch (error) {
    const failure = error instanceof HerdError ? error : defect(error);
    if (outbox.putError(index, JSON.stringify(failure.toData()))) return;
    outbox.putShortError(index, JSON.stringify({ code: failure.code, detail: "" }));
  }
}

/**
 * Our fault, and not that of the batch's other calls: the main thread logs it, and replaces this thread when it can be
 * spared.
 */
function defect(error: unknown): HerdError {
  const text = error instanceof Error ? (error.stack ?? error.message) : typeof error;
  return new HerdError("internal", text.slice(0, maxDefectUnits));
}

function textOf(body: string | SharedArrayBuffer): string {
  return typeof body === "string" ? body : Buffer.from(body).toString("utf8");
}
