// How long a small call had its worker; test/timing has the longer ones.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { compileGuests, Guest, startSandbox } from "./guests.js";

const { spin: component } = await compileGuests("spin");
const { sandbox } = await startSandbox({ workers: 1 });
after(() => sandbox.stop());
const guest = new Guest(sandbox, await sandbox.prepare(component, "spin"));
/** What a process without a core does meanwhile: nothing. */
const heldUpMs = 60;

/** A call whose thread has it when the main thread is held up. */
async function heldUp(name: string, args: unknown): Promise<{ readonly runMs: number; readonly serviceMs: number }> {
  const running = guest.raw(name, JSON.stringify(args));
  await nextTurn();
  await nextTurn();
  for (const until = performance.now() + heldUpMs; performance.now() < until; );
  const { runMs, serviceMs = Number.NaN } = await running;
  return { runMs, serviceMs };
}

test("a small call is charged its run alone: it shares its way with others", async () => {
  for (let count = 0; count < 50; count++) await guest.call("add", [1, 2]);
  const { runMs, serviceMs } = await heldUp("add", [1, 2]);
  assert.equal(serviceMs, runMs);
});
