// How long a call had its worker: what a node's weight is learned from.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { compileGuests, Guest, inSomeRound, startSandbox } from "./guests.js";

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

test("a long call has its worker until its end is seen", async () => {
  for (let count = 0; count < 3; count++) await guest.call("spinFor", [4]);
  const isSeen = async (): Promise<boolean> => {
    const { runMs, serviceMs } = await heldUp("spinFor", [4]);
    return runMs < heldUpMs / 2 && serviceMs >= heldUpMs / 2;
  };
  assert.ok(await inSomeRound(isSeen));
});

test("a shorter call is charged less of the time that it was held up", async () => {
  for (let count = 0; count < 50; count++) await guest.call("spinFor", [0.5]);
  const isCharged = async (): Promise<boolean> => {
    const { runMs, serviceMs } = await heldUp("spinFor", [0.5]);
    return runMs < 0.8 && serviceMs > 2 * runMs && serviceMs < heldUpMs / 2;
  };
  assert.ok(await inSomeRound(isCharged));
});

test("without a hold-up, service time is hardly longer than the run", async () => {
  for (let count = 0; count < 3; count++) await guest.call("spinFor", [20]);
  const isClose = async (): Promise<boolean> => {
    const { runMs, serviceMs = Number.NaN } = await guest.raw("spinFor", "[20]");
    return serviceMs >= runMs && serviceMs < 1.2 * runMs;
  };
  assert.ok(await inSomeRound(isClose));
});

test("a small call is charged its run alone: it shares its way with others", async () => {
  for (let count = 0; count < 50; count++) await guest.call("add", [1, 2]);
  const { runMs, serviceMs } = await heldUp("add", [1, 2]);
  assert.equal(serviceMs, runMs);
});
