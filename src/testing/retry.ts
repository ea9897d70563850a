// Retries with exponential backoff of requests that a busy machine refused.

import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError } from "../client/errors.js";
import { UnreachableError } from "../client/unreachable.js";
import { backoffMs } from "../core/backoff.js";

const tries = 8;
const longestWaitMs = 15_000;

/** Whether a later try may get another answer: the node was throttling (429), unavailable (503) or too slow (504). */
export function isRetryable(status: number): boolean {
  return status === 429 || status === 503 || status === 504;
}

/** Delay between try `count` and the next one, in milliseconds: 1 s, doubled for each try, 15 s at most. */
export function retryDelayMs(count: number): number {
  return backoffMs(count, { firstMs: 1_000, lastMs: longestWaitMs });
}

/**
 * Runs `task` until a try succeeds, eight times at most. `onWait` receives a line before each delay: the task, the
 * delay and the error. Rejects with the error of the last try, or with the first error that no retry can mend.
 */
export async function withRetries<Result>(
  what: string,
  task: () => Promise<Result>,
  onWait: (text: string) => void = (text) => process.stderr.write(`${text}\n`),
): Promise<Result> {
  for (let count = 1; ; count++) {
    try {
      return await task();
    } catch (error) {
      const isBusy = error instanceof ProblemError && isRetryable(error.document.status);
      if (count === tries || !(isBusy || error instanceof UnreachableError)) throw error;
      onWait(`${what} has to wait ${retryDelayMs(count) / 1_000} s: ${error.message}`);
      await sleep(retryDelayMs(count));
    }
  }
}
