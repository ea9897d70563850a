// A busy machine answers later: what it refused for want of time is asked again.

import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError, UnreachableError } from "../client/client.js";
import { backoffMs } from "../core/backoff.js";

const tries = 8;
const longestWaitMs = 15_000;

/**
 * Whether an answer of this status may be another one later: throttled, overloaded or too slow, a deadline that passed.
 */
export function isTemporary(status: number): boolean {
  return status === 429 || status === 503 || status === 504;
}

/** How long to wait before try `count` + 1, in milliseconds. */
export function waitMs(count: number): number {
  return backoffMs(count, { firstMs: 1_000, lastMs: longestWaitMs });
}

/**
 * The result of `task`, at its eighth try at the latest. `onWait` receives what waits, for how long and why. Rejects with the
 * error of the last try.
 */
export async function patiently<Result>(
  what: string,
  task: () => Promise<Result>,
  onWait: (text: string) => void = (text) => process.stderr.write(`${text}\n`),
): Promise<Result> {
  for (let count = 1; ; count++) {
    try {
      return await task();
    } catch (error) {
      const isBusy = error instanceof ProblemError && isTemporary(error.document.status);
      if (count === tries || !(isBusy || error instanceof UnreachableError)) throw error;
      onWait(`${what} has to wait ${waitMs(count) / 1_000} s: ${error.message}`);
      await sleep(waitMs(count));
    }
  }
}
