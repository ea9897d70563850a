// Entry of a worker thread: Piscina calls its handler once, with the thread's only task. Imports only modules that may
// run in the thread.
import { randomFillSync } from "node:crypto";
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { HerdError } from "../../../src/core/errors.js";
import { collectGarbage } from "../collect-garbage.js";
import { Inbox } from "../inbox.js";
import { kernelId } from "../kernel-id.js";
import type { BatchExtras, CallMessage, SideMessage, StartupMessage } from "../messages.js";
import { ResultBuffer } from "../result-buffer.js";
import { Engine } from "./engine.js";
import { keptFrames } from "./trap-place.js";

/**
 * Longest time that a finished result waits in the result buffer while other calls of the batch run, in milliseconds.
 */
const holdMs = 0.25;
/**
 * How long an idle thread keeps memory that it does not need, in milliseconds: less than the silence after which the
 * watchdog probes it.
 */
const keepWasteMs = 5_000;
/** UTF-16 units of a defect's stack in the log. */
const maxDefectUnits = 2_000;

/** What a thread keeps for its life. */
export interface Thread {
  readonly engine: Engine;
  readonly inbox: Inbox;
  readonly results: ResultBuffer;
  readonly port: MessagePort;
}

/** Piscina handler: runs one batch after the other, for as long as the thread lives. */
export function serve(startup: StartupMessage): never {
  serveWith(startup, runBatch);
}

/** The same with another function for batches, for tests of faults. */
export function serveWith(startup: StartupMessage, run: (thread: Thread) => void): never {
  const thread = initialize(startup);
  const { inbox, port } = thread;
  port.postMessage({ kind: "ready", kernelId: kernelId() } satisfies SideMessage);
  for (;;) {
    awaitBatch(thread);
    run(thread);
    inbox.end();
  }
}

/** Waits for a batch. Memory that no call needs goes back to the system when none comes for a while. */
function awaitBatch({ engine, inbox }: Thread): void {
  if (inbox.wait(engine.hasWaste ? keepWasteMs : undefined)) return;
  engine.release();
  collectGarbage();
  inbox.wait();
}

function initialize({ inbox, results, port, nodeName, limits }: StartupMessage): Thread {
  Error.stackTraceLimit = keptFrames;
  // A guest's monotonic clock begins with its thread: the machine's uptime is not revealed.
  const bootedAt = process.hrtime.bigint();
  const host = {
    nodeName,
    now: () => Date.now(),
    monotonicNs: () => process.hrtime.bigint() - bootedAt,
    fillRandom: (bytes: Uint8Array) => void randomFillSync(bytes),
  };
  const engine = new Engine({ limits, host });
  return { engine, inbox: new Inbox(inbox), results: new ResultBuffer(results), port };
}

/** Runs the calls of a batch that are not taken back meanwhile; results go to the result buffer. */
export function runBatch(thread: Thread): void {
  const { engine, inbox, results, port } = thread;
  results.open();
  const bodies = inbox.hasExtras ? takeExtras(thread) : undefined;
  const { calls } = inbox;
  let collectedAt = performance.now();
  for (let index = 0; index < calls; index++) {
    if (!results.claim(index)) continue;
    const startedAt = performance.now();
    const { revision, functionIndex, format, body = bodies?.get(index) ?? "" } = inbox.read(index);
    runCall(thread, { call: { revision, functionIndex, format, body }, index });
    const endedAt = performance.now();
    results.finish(index, endedAt - startedAt);
    // After the last call no caller waits, and a reset is shorter than a message.
    const isLast = index === calls - 1;
    if (engine.needsInstance || (!isLast && endedAt - collectedAt > holdMs)) {
      port.postMessage({ kind: "collect" } satisfies SideMessage);
      collectedAt = endedAt;
    }
    engine.tidy();
  }
}

/** Drops and loads revisions; returns the bodies that found no room in the inbox. */
function takeExtras({ engine, port }: Thread): BatchExtras["bodies"] {
  const received = receiveMessageOnPort(port) as { readonly message: BatchExtras } | undefined;
  if (received === undefined) throw new Error("the extras of a batch did not come");
  const { drop, load, bodies } = received.message;
  for (const id of drop) engine.drop(id);
  for (const revision of load) engine.load(revision);
  return bodies;
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
