// A call beside a main thread that does nothing for a while, as in a process without a core.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Guest } from "./guests.js";

/** Milliseconds for which the main thread does nothing. */
export const heldUpMs = 60;

/** A call whose thread has it when the main thread is held up. */
export async function heldUp(
  guest: Guest,
  { name, args }: { readonly name: string; readonly args: unknown },
): Promise<{ readonly runMs: number; readonly serviceMs: number }> {
  const running = guest.raw(name, JSON.stringify(args));
  await nextTurn();
  await nextTurn();
  for (const until = performance.now() + heldUpMs; performance.now() < until; );
  const { runMs, serviceMs = Number.NaN } = await running;
  return { runMs, serviceMs };
}
