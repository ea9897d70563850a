// A worker thread with defects: the sandbox's own, which does what a call's argument asks of it instead of the call.
import { existsSync, readFileSync } from "node:fs";
import type { Batch, StartupMessage } from "../../runtime/sandbox/messages.js";
import { ResultBuffer } from "../../runtime/sandbox/result-buffer.js";
import { serve as serveWell } from "../../runtime/sandbox/thread/worker.js";

/** What a call asks for by its argument `n`. */
export const faults = {
  throws: 9001,
  throwsWhatCannotBePosted: 9002,
  exits: 9003,
  outOfHeap: 9004,
  throwsLater: 9005,
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

let results: ResultBuffer | undefined;
let isDeaf = false;

/** Piscina handler. */
export function serve(task: StartupMessage | Batch): unknown {
  if (!("calls" in task)) {
    if (bootFault === "silent") return new Promise(() => undefined);
    results = new ResultBuffer(task.results);
    return serveWell(task);
  }
  if (bootFault === "late") process.exit(7);
  if (isDeaf && task.calls.length === 0) sleepForever();
  for (const [, , , body] of task.calls) {
    const number = typeof body === "string" ? Number(/\d+/.exec(body)?.[0]) : 0;
    if (number > 9000 && number <= 9100) return misbehave(number, task);
  }
  return serveWell(task);
}

function misbehave(fault: number, batch: Batch): unknown {
  results?.open();
  switch (fault) {
    case faults.throws:
      throw new TypeError("a defect");
    case faults.throwsWhatCannotBePosted:
      throw () => undefined;
    case faults.exits:
      return process.exit(3);
    case faults.outOfHeap: {
      results?.claim(0);
      const kept: unknown[] = [];
      for (;;) kept.push(new Array(1_000_000).fill(kept.length));
    }
    case faults.throwsLater:
      setTimeout(() => {
        throw new Error("a defect, later");
      });
      return new Promise(() => undefined);
    case faults.returnsAtOnce:
      return undefined;
    case faults.losesResult:
      results?.claim(0);
      results?.putPosted(0);
      results?.finish(0, 1);
      return sleepForever();
    case faults.leavesNoJson:
      results?.claim(0);
      results?.putError(0, "{not json");
      results?.finish(0, 1);
      return undefined;
    case faults.hangs:
      return sleepForever();
    default:
      isDeaf = true;
      return serveWell({ ...batch, calls: batch.calls });
  }
}

function sleepForever(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
