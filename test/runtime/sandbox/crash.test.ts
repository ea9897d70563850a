// Threads that die under the pool: running calls fail, waiting ones go elsewhere, the pool is whole again.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Worker } from "node:worker_threads";
import { compileGuests, Guest, isPreparer, startSandbox } from "./guests.js";

/**
 * Ending a thread that still loads its modules takes the whole process along on Node 20 (`v8::Module::IsGraphAsync`).
 */
const bootMs = 1_500;
const threads = new Set<Worker>();
/**
 * Threads that reported to the pool that their module is loaded; the time of their own imports after that is unknown.
 */
const booted = new Set<Worker>();
let youngestAt = 0;
process.on("worker", (worker: Worker) => {
  if (isPreparer(worker)) return;
  threads.add(worker);
  worker.once("message", () => {
    booted.add(worker);
    youngestAt = performance.now();
  });
  worker.once("exit", () => threads.delete(worker) && booted.delete(worker));
});
const { spin } = await compileGuests("spin");
const { sandbox, lines } = await startSandbox({ workers: 2 });
after(() => sandbox.stop());
const guest = new Guest(sandbox, await sandbox.prepare(spin, "spin"));

async function untilThreads(count: number): Promise<void> {
  const areThere = (): boolean =>
    threads.size === count && booted.size === count && performance.now() - youngestAt > bootMs;
  for (let left = 1_000; left > 0 && !areThere(); left--) await new Promise((resolve) => setTimeout(resolve, 25));
  assert.equal(threads.size, count);
  assert.equal(booted.size, count);
}

test("a thread that dies fails the call that ran, and no other", async () => {
  await untilThreads(3);
  const running = [1, 2].map(() => guest.failure("sayAndSpin", [1e6]));
  const waiting = Array.from({ length: 50 }, (_, index) => guest.call("add", [index, 1]));
  while (lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const thread of threads) void thread.terminate();
  const errors = await Promise.all(running);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["internal", "internal"],
  );
  assert.deepEqual(
    await Promise.all(waiting),
    Array.from({ length: 50 }, (_, index) => index + 1),
  );
});

test("idle threads that die are replaced, and no call is sent to a dead one", async () => {
  await untilThreads(3);
  for (let round = 0; round < 3; round++) {
    await Promise.all([...threads].map((thread) => thread.terminate()));
    assert.equal(await guest.call("add", [round, 1]), round + 1);
    await untilThreads(3);
  }
  assert.deepEqual(sandbox.stats(), { slots: 2, running: 0, queued: 0 });
});
