// A worker thread with defects: the sandbox's own, which does what a call's argument asks of it instead of the call.
import { existsSync, readFileSync } from "node:fs";
import type { StartupMessage } from "../../runtime/sandbox/messages.js";
import type { ResultBuffer } from "../../runtime/sandbox/result-buffer.js";
import { runBatch, serveWith, type Thread } from "../../runtime/sandbox/thread/worker.js";

/** What a call asks for by its argument `n`. */
export const faults = {
  throws: 9001,
  throwsWhatCannotBePosted: 9002,
  exits: 9003,
  outOfHeap: 9004,
  returnsAtOnce: 9006,
  /** The result is marked as posted, and never is; then the thread comes to no end. */
  losesResult: 9007,
  leavesNoJson: 9008,
  hangs: 9009,
  /** Answers, but no empty batch from then on. */
  deaf: 9010,
} as const;

/**
 * Names a file that says how the next boots fail; without the file they do not. `late`: after the thread was ready, and
 * before it takes a batch.
 */
export const bootFaultVariable = "HERD_TEST_BOOT_FAULT";

const file = process.env[bootFaultVariable];
const bootFault = file !== undefined && existsSync(file) ? readFileSync(file, "utf8") : "";
if (bootFault === "throws") throw new Error("the module fails");
if (bootFault === "exits") process.exit(7);

let isDeaf = false;

/** Piscina handler. */
export function serve(startup: StartupMessage): unknown {
  if (bootFault === "silent") return new Promise(() => undefined);
  return serveWith(startup, runOrMisbehave);
}

function runOrMisbehave(thread: Thread): void {
  if (bootFault === "late") process.exit(7);
  const { inbox, results } = thread;
  if (isDeaf && inbox.calls === 0) sleepForever();
  for (let index = 0; index < inbox.calls; index++) {
    const number = Number(/\d+/.exec(inbox.read(index).body ?? "")?.[0]);
    if (number <= 9000 || number > 9100) continue;
    results.open();
    if (number !== faults.deaf) {
      misbehave(number, results);
      return;
    }
    isDeaf = true;
  }
  runBatch(thread);
}

function misbehave(fault: number, results: ResultBuffer): void {
  switch (fault) {
    case faults.throws:
      throw new TypeError("a defect");
    case faults.throwsWhatCannotBePosted:
      throw () => undefined;
    case faults.exits:
      process.exit(3);
      break;
    case faults.outOfHeap: {
      results.claim(0);
      const kept: unknown[] = [];
      for (;;) kept.push(new Array(1_000_000).fill(kept.length));
    }
    case faults.returnsAtOnce:
      return;
    case faults.losesResult:
      results.claim(0);
      results.putPosted(0);
      results.finish(0, 1);
      sleepForever();
      break;
    case faults.leavesNoJson:
      results.claim(0);
      results.putError(0, "{not json");
      results.finish(0, 1);
      return;
    default:
      sleepForever();
  }
}

function sleepForever(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
