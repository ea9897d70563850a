// Which manifest is held next, how its callers are settled, and when a failed one is tried again.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManifestRecord } from "../../src/catalog/manifest.js";
import { HerdError } from "../../src/core/errors.js";
import { HoldJobs } from "../../src/deploy/hold-jobs.js";
import { VirtualTime } from "../harness/virtual/virtual-time.js";

const recordOf = (id: string) => ({ id }) as ManifestRecord;
const never = new AbortController().signal;

/** Jobs that a test ends by hand. */
function setUp() {
  const time = new VirtualTime();
  const runs: string[] = [];
  const open = new Set<string>();
  const ends = new Map<string, (failure?: Error) => void>();
  const jobs = new HoldJobs({
    timers: time,
    clock: time,
    authorOf: ({ id }) => (id.startsWith("greedy") ? "greedy" : id),
    isUrgent: ({ id }) => id.endsWith("urgent"),
    isOpen: ({ id }) => open.has(id),
    run: ({ record: { id } }) => {
      runs.push(id);
      return new Promise((resolve, reject) => {
        ends.set(id, (failure) => {
          if (failure !== undefined) return reject(failure);
          open.delete(id);
          resolve();
        });
      });
    },
  });
  const add = (id: string) => {
    open.add(id);
    jobs.add(recordOf(id));
  };
  const end = async (id: string, failure?: Error) => {
    ends.get(id)?.(failure);
    await time.advance(1);
  };
  return { time, runs, open, jobs, add, end };
}

test("eight at a time, each once", async () => {
  const { time, runs, jobs, add, end } = setUp();
  assert.equal(jobs.busy, false);
  for (const id of ["a", "b", "c", "d", "e", "f", "g", "h", "i", "a"]) add(id);
  await time.advance(1);
  assert.deepEqual(runs.join(""), "abcdefgh");
  await end("b");
  assert.deepEqual(runs.slice(8), ["i"]);
  for (const id of ["a", "c", "d", "f", "g", "h", "i"]) await end(id);
  assert.equal(jobs.busy, true);
  // One that waits for its next try keeps nothing from its rest.
  await end("e", new Error("no link"));
  assert.equal(jobs.busy, false);
});

test("an author whose jobs never end runs two at a time, its urgent ones first; others continue", async () => {
  const { time, runs, add, end } = setUp();
  for (let index = 0; index < 20; index++) add(`greedy${index}`);
  add("greedy urgent");
  await time.advance(1);
  assert.deepEqual(runs, ["greedy urgent", "greedy0"]);
  for (const id of ["a", "b", "c", "d", "e", "f"]) add(id);
  await time.advance(1);
  assert.deepEqual(runs.slice(2).join(""), "abcdef");
  for (const id of ["a", "b", "c", "d", "e", "f"]) await end(id);
  assert.equal(runs.length, 8);
});

test("for want of a link a job is tried again with growing pauses, and at once when a link opens", async () => {
  const { time, runs, jobs, add, end } = setUp();
  add("a");
  const times: number[] = [];
  for (let count = 0; count < 8; count++) {
    const before = runs.length;
    times.push(await time.until(() => runs.length > before || count === 0, { ms: 20_000, what: "another try" }));
    await time.advance(1);
    await end("a", new Error("no link"));
  }
  assert.deepEqual(
    [...times].sort((left, right) => left - right),
    times,
  );
  assert.ok((times.at(-1) ?? 0) >= 9_900 && (times[1] ?? 0) <= 200, `${times.at(-1)}, ${times[1]}`);
  jobs.retryAll();
  const before = runs.length;
  await time.advance(1);
  assert.equal(runs.length, before + 1);
});

test("a job that fails for a lasting reason is not tried for a minute, however often it is requested", async () => {
  const { time, runs, jobs, add, end } = setUp();
  add("a");
  await time.advance(1);
  const invalid = new HerdError("source.invalid", "not on this machine");
  const waiting = jobs.ended("a", { holder: "peer", signal: never });
  await Promise.all([assert.rejects(waiting, invalid), end("a", invalid)]);
  jobs.retryAll();
  await assert.rejects(jobs.ended("a", { holder: "peer", signal: never }), invalid);
  await time.advance(59_000);
  assert.deepEqual(runs, ["a"]);
  await time.advance(2_000);
  assert.deepEqual(runs, ["a", "a"]);
});

test("a caller is settled by success, by failure, by its own cancellation, and by the node's stop", async () => {
  const { time, open, jobs, add, end } = setUp();
  for (const id of ["a", "b", "c", "d"]) add(id);
  await jobs.ended("unknown", { holder: "peer", signal: never });
  const leaving = new AbortController();
  const wait = (id: string, signal = never) => jobs.ended(id, { holder: "peer", signal });
  const all = Promise.allSettled([
    wait("a"),
    wait("b"),
    wait("c", leaving.signal),
    wait("d"),
    wait("a", AbortSignal.abort()),
  ]);
  await time.advance(1);
  await end("a");
  await end("b", new Error("no link"));
  leaving.abort();
  jobs.stop();
  const states = (await all).map((result) => (result.status === "rejected" ? String(result.reason.name) : "held"));
  assert.deepEqual(states, ["held", "Error", "AbortError", "HerdError", "AbortError"]);
  add("late");
  await time.advance(1_000);
  assert.ok(open.has("late"), "nothing starts after the stop");
});

test("a manifest that need not be held any more settles without a run", async () => {
  const { time, runs, open, jobs, add, end } = setUp();
  for (const id of ["greedy1", "greedy2", "greedy over"]) add(id);
  const waiting = jobs.ended("greedy over", { holder: "peer", signal: never });
  await time.advance(1);
  open.delete("greedy over");
  await end("greedy1");
  await waiting;
  assert.deepEqual(runs, ["greedy1", "greedy2"]);
});
