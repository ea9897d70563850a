// How the suites of test/timing measure: processor time, and rounds of which one shows what the product can do.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";

/**
 * Processor time of this process while `run` runs, ms: the least of three runs, since other threads and a garbage
 * collection count too.
 */
export async function cpuMs(run: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1_000);
  }
  return Math.min(...times);
}

/** Prints what a measurement gave, and fails unless it is below the limit; both in `unit`. */
export function below(
  t: TestContext,
  what: string,
  { found, limit, unit = "ms" }: { readonly found: number; readonly limit: number; readonly unit?: string },
): void {
  const line = `${what}: ${found.toFixed(2)} ${unit}, limit ${limit} ${unit}`;
  t.diagnostic(line);
  assert.ok(found < limit, line);
}

/**
 * Measures in rounds until one is below the limit, ten at most. A machine that holds a thread up between two
 * instructions spoils a round; one round below the limit shows what the product does by itself.
 */
export async function belowInSomeRound(
  t: TestContext,
  what: string,
  { measure, limit, unit = "ms" }: { readonly measure: () => Promise<number>; limit: number; unit?: string },
): Promise<void> {
  let found = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10 && found >= limit; round++) found = Math.min(found, await measure());
  below(t, what, { found, limit, unit });
}

/** Whether a round of several is as meant, for what is more than one figure. */
export async function inSomeRound(isAsMeant: () => Promise<boolean>, rounds = 10): Promise<boolean> {
  for (let round = 0; round < rounds; round++) if (await isAsMeant()) return true;
  return false;
}
