// How long a call had its worker: what a node's weight is learned from.

import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { compileGuests, Guest, startSandbox } from "../runtime/sandbox/guests.js";
import { heldUp, heldUpMs } from "../runtime/sandbox/held-up.js";
import { inSomeRound } from "./measure.js";

const { spin: component } = await compileGuests("spin");
const { sandbox } = await startSandbox({ workers: 1 });
after(() => sandbox.stop());
const guest = new Guest(sandbox, await sandbox.prepare(component, "spin"));

/** Calls until a round of ten is as meant, and prints what each round gave. */
async function shows(
  t: TestContext,
  measure: () => Promise<{ readonly runMs: number; readonly serviceMs: number }>,
  isAsMeant: (runMs: number, serviceMs: number) => boolean,
): Promise<void> {
  const seen: string[] = [];
  const shown = await inSomeRound(async () => {
    const { runMs, serviceMs } = await measure();
    seen.push(`run ${runMs.toFixed(2)} ms, service ${serviceMs.toFixed(2)} ms`);
    return isAsMeant(runMs, serviceMs);
  });
  t.diagnostic(seen.join("; "));
  assert.equal(shown, true, seen.join("; "));
}

test("a long call has its worker until its end is seen", async (t) => {
  for (let count = 0; count < 3; count++) await guest.call("spinFor", [4]);
  const isSeen = (runMs: number, serviceMs: number): boolean => runMs < heldUpMs / 2 && serviceMs >= heldUpMs / 2;
  await shows(t, () => heldUp(guest, { name: "spinFor", args: [4] }), isSeen);
});

test("a shorter call is charged less of the time that it was held up", async (t) => {
  for (let count = 0; count < 50; count++) await guest.call("spinFor", [0.5]);
  const isCharged = (runMs: number, serviceMs: number): boolean =>
    runMs < 0.8 && serviceMs > 2 * runMs && serviceMs < heldUpMs / 2;
  await shows(t, () => heldUp(guest, { name: "spinFor", args: [0.5] }), isCharged);
});

test("without a hold-up, service time is hardly longer than the run", async (t) => {
  for (let count = 0; count < 3; count++) await guest.call("spinFor", [20]);
  const measure = async (): Promise<{ runMs: number; serviceMs: number }> => {
    const { runMs, serviceMs = Number.NaN } = await guest.raw("spinFor", "[20]");
    return { runMs, serviceMs };
  };
  await shows(t, measure, (runMs, serviceMs) => serviceMs >= runMs && serviceMs < 1.2 * runMs);
});
