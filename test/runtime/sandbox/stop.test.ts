// The end of threads: none before it has booted, and nothing of the memory of warm instances stays when calls are given
// back.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Worker } from "node:worker_threads";
import { Sandbox } from "../../../runtime/sandbox/sandbox.js";
import { systemClock } from "../../../src/core/clock.js";
import { defaultLimits } from "../../../src/core/limits.js";
import { compileGuests, Guest, isPreparer, startSandbox } from "./guests.js";

const components = await compileGuests("spin", "full-start");
const started: Sandbox[] = [];
after(() => Promise.all(started.map((sandbox) => sandbox.stop())));

/**
 * Threads by whether they reported that their modules are loaded. On Node 20 the end of a loading thread ends the
 * process.
 */
const booted = new Map<Worker, boolean>();
let endedWhileBooting = 0;
process.on("worker", (worker: Worker) => {
  if (isPreparer(worker)) return;
  booted.set(worker, false);
  worker.once("message", () => booted.set(worker, true));
  worker.once("exit", () => booted.delete(worker));
  const terminate = worker.terminate.bind(worker);
  worker.terminate = () => {
    if (booted.get(worker) === false) endedWhileBooting++;
    return terminate();
  };
});

async function open(workers: number): Promise<{ sandbox: Sandbox; guest: Guest }> {
  const { sandbox } = await startSandbox({ workers });
  started.push(sandbox);
  return { sandbox, guest: new Guest(sandbox, await sandbox.prepare(components.spin, "spin")) };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test("a stop right after a kill ends no thread that boots", { timeout: 120_000 }, async () => {
  const { sandbox, guest } = await open(2);
  const calls = [1, 2].map(() => guest.failure("forever", {}, { deadline: Date.now() + 100 }));
  for (const { code } of await Promise.all(calls)) assert.equal(code, "function.deadline");
  // Calls are answered some milliseconds before their threads are replaced.
  await until(() => [...booted.values()].includes(false));
  await sandbox.stop();
  await until(() => booted.size === 0);
  assert.equal(endedWhileBooting, 0);
});

test("a stop while the threads boot for the first time ends none of them before", { timeout: 120_000 }, async () => {
  const options = { workers: 2, limits: defaultLimits, clock: systemClock, nodeName: "testing" };
  const sandbox = new Sandbox(options);
  const starting = assert.rejects(sandbox.start());
  await sandbox.stop();
  await starting;
  await until(() => booted.size === 0);
  assert.equal(endedWhileBooting, 0);
});

test("preempt replaces the threads that have loaded a revision, and calls continue meanwhile", {
  timeout: 120_000,
}, async () => {
  const { sandbox, guest } = await open(2);
  await until(() => booted.size === 3);
  await Promise.all([guest.call("spinFor", [100]), guest.call("spinFor", [100])]);
  const before = [...booted.keys()];
  const left = (): number => before.filter((worker) => booted.has(worker)).length;
  await sandbox.preempt();
  for (let round = 0; left() === before.length; round++) assert.equal(await guest.call("add", [round, 1]), round + 1);
  await sandbox.stop();
});

test("preempt frees the memory of warm instances", { timeout: 120_000 }, async () => {
  const { sandbox } = await open(1);
  for (let revision = 0; revision < 20; revision++) {
    const guest = new Guest(sandbox, await sandbox.prepare(components["full-start"], `full ${revision}`));
    assert.equal(await guest.call("first", []), 1);
  }
  const rss = process.memoryUsage.rss();
  await sandbox.preempt();
  await until(() => process.memoryUsage.rss() < rss - 15e6);
});
