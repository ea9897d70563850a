// What the owner of the machine leaves to calls: fewer at a time, and back from the threads at once.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Preempted } from "../../../runtime/sandbox/failures.js";
import { compileGuests, Guest, startSandbox } from "./guests.js";

const { spin } = await compileGuests("spin");
const { sandbox, lines } = await startSandbox({ workers: 2 });
after(() => sandbox.stop());
const guest = new Guest(sandbox, await sandbox.prepare(spin, "spin"));

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const untilRunning = (count: number): Promise<void> => until(() => sandbox.stats().running >= count);

/** How many of four calls run at a time, at most. */
async function mostAtOnce(): Promise<number> {
  let most = 0;
  let left = 4;
  const calls = Array.from({ length: left }, () => guest.call("spinFor", [40]).finally(() => left--));
  await until(() => {
    most = Math.max(most, sandbox.stats().running);
    return left === 0;
  });
  await Promise.all(calls);
  return most;
}

test("as many long calls as there are workers run at once", async () => {
  assert.equal(await mostAtOnce(), 2);
});

test("no more batches run than are allowed", async () => {
  sandbox.allow({ slots: 1, idleClass: false });
  assert.equal(sandbox.stats().slots, 1);
  assert.equal(await mostAtOnce(), 1);
  sandbox.allow({ slots: 5, idleClass: false });
  assert.equal(sandbox.stats().slots, 2);
  assert.equal(await mostAtOnce(), 2);
});

test("a waiting call runs as soon as a slot is allowed", async () => {
  sandbox.allow({ slots: 1, idleClass: false });
  const calls = [guest.call("spinFor", [500]), guest.call("spinFor", [500])];
  await untilRunning(1);
  assert.deepEqual(sandbox.stats(), { slots: 1, running: 1, queued: 1 });
  sandbox.allow({ slots: 2, idleClass: false });
  assert.deepEqual(sandbox.stats(), { slots: 2, running: 2, queued: 0 });
  assert.equal(sandbox.longWorkers, 2);
  assert.equal((await Promise.all(calls)).length, 2);
});

test("without slots, calls that are run nevertheless run one at a time", async () => {
  sandbox.allow({ slots: 0, idleClass: false });
  assert.equal(sandbox.stats().slots, 0);
  assert.equal(await mostAtOnce(), 1);
  sandbox.allow({ slots: 2, idleClass: false });
  assert.throws(() => sandbox.allow({ slots: -1, idleClass: false }), RangeError);
  assert.throws(() => sandbox.allow({ slots: Number.NaN, idleClass: false }), RangeError);
});

test("running calls continue when slots are taken away", async () => {
  const running = [guest.call("spinFor", [100]), guest.call("spinFor", [100])];
  await untilRunning(2);
  sandbox.allow({ slots: 0, idleClass: false });
  assert.equal((await Promise.all(running)).length, 2);
  sandbox.allow({ slots: 2, idleClass: false });
});

test("preempt rejects waiting calls at once, running ones after the grace time, and lets later ones run", async () => {
  const ends: string[] = [];
  const running = [0, 1].map(() => guest.failure("sayAndSpin", [1e6]).finally(() => ends.push("running")));
  await until(() => lines.length === 2);
  lines.length = 0;
  const waiting = [0, 1].map(() => guest.failure("forever", {}).finally(() => ends.push("waiting")));
  const began = performance.now();
  const preempted = sandbox.preempt(300).then(() => ends.push("preempted"));
  const later = guest.call("add", [1, 2]);
  for (const error of await Promise.all([...waiting, ...running])) assert.ok(error instanceof Preempted, String(error));
  assert.ok(performance.now() - began > 290, `${performance.now() - began}`);
  await preempted;
  assert.deepEqual(ends, ["waiting", "waiting", "running", "running", "preempted"]);
  assert.equal(await later, 3);
});

test("a call that ends within the grace time of a preemption is answered, and its thread runs later ones", async () => {
  const running = [guest.call("sayAndSpin", [100]), guest.call("sayAndSpin", [100])];
  await until(() => lines.length === 2);
  const preempted = sandbox.preempt(20_000);
  const later = [guest.call("spinFor", [100]), guest.call("spinFor", [100])];
  assert.equal((await Promise.all(running)).length, 2);
  await preempted;
  assert.equal((await Promise.all(later)).length, 2);
  await sandbox.preempt();
  assert.deepEqual(sandbox.stats(), { slots: 2, running: 0, queued: 0 });
});

test("calls that were sent behind a running one are preempted at once", async () => {
  for (let round = 0; round < 20; round++) await guest.call("add", [round, 1]);
  for (let round = 0; round < 20; round++) await guest.call("moody", [false]);
  sandbox.allow({ slots: 1, idleClass: false });
  const spinning = guest.failure("moody", [true]);
  const behind = Array.from({ length: 20 }, () => guest.failure("moody", [true]));
  await untilRunning(1);
  const preempted = sandbox.preempt(100);
  for (const error of await Promise.all([spinning, ...behind])) assert.ok(error instanceof Preempted, String(error));
  await preempted;
  sandbox.allow({ slots: 2, idleClass: false });
  assert.equal(await guest.call("add", [1, 2]), 3);
});
