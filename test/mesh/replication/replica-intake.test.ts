// How records are judged: in slices of time, in batches of a kind, within bounds.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordStore } from "../../../src/mesh/ports.js";
import { differing, digestOf } from "../../../src/mesh/replication/replica-digest.js";
import { RecordIntake } from "../../../src/mesh/replication/replica-intake.js";
import { WaitingRecords } from "../../../src/mesh/replication/replica-waiting.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";

/** A store whose every judgement takes 0.2 ms of the event loop, and then a write that a whole batch shares. */
function slowStore(clock: ManualClock): RecordStore & { writes: number } {
  const texts = new Map<string, string>();
  let writing: Promise<void> | undefined;
  const store = {
    kind: "fact",
    writes: 0,
    accept: async (text: string) => {
      clock.advance(0.2);
      writing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        writing = undefined;
        store.writes += 1;
      });
      await writing;
      texts.set(text, text);
      return "new" as const;
    },
    ids: () => texts.keys(),
    get: (id: string) => texts.get(id),
  };
  return store;
}

test("a thousand records never block the event loop for more than 20 ms, and share writes", async () => {
  const clock = new ManualClock();
  const store = slowStore(clock);
  let turnedAt = 0;
  let longestMs = 0;
  const yieldLoop = async (): Promise<void> => {
    longestMs = Math.max(longestMs, clock.monotonic() - turnedAt);
    await new Promise((resolve) => setImmediate(resolve));
    turnedAt = clock.monotonic();
  };
  const intake = new RecordIntake({ stores: [store], clock, yieldLoop, acceptedLate: () => undefined });
  const all = Array.from({ length: 1_000 }, (_, index) => intake.offer("fact", { text: `${index}`, peer: "a" }));
  assert.deepEqual(new Set(await Promise.all(all)), new Set(["new"]));
  assert.ok(longestMs > 0 && longestMs <= 20, `${longestMs} ms`);
  assert.ok(store.writes < 100, `${store.writes} writes`);
});

test("text that waits to be judged is bounded, of one peer and of all", async () => {
  const clock = new ManualClock();
  const hanging: RecordStore = { ...slowStore(clock), accept: () => new Promise(() => undefined) };
  const intake = new RecordIntake({
    stores: [hanging],
    clock,
    acceptedLate: () => undefined,
    yieldLoop: () => Promise.resolve(),
  });
  const text = "x".repeat(64 * 1024);
  for (let peer = 0; peer < 10; peer++) {
    for (let count = 0; count < 100; count++) void intake.offer("fact", { text, peer: `${peer}` });
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(intake.counts.dropped, 1_000 - (32 * 1024 * 1024) / text.length);
});

test("records that wait for their signer are bounded, and a peer's flood displaces no other peer's", () => {
  const waiting = new WaitingRecords(100);
  for (let count = 0; count < 10; count++) waiting.add({ kind: "fact", text: `good ${count}`, peer: "good" });
  for (let count = 0; count < 1_000; count++) waiting.add({ kind: "fact", text: `bad ${count}`, peer: "bad" });
  waiting.add({ kind: "fact", text: "good 0", peer: "bad" });
  assert.equal(waiting.size, 35);
  const all = waiting.takeAll();
  assert.equal(all.filter(({ peer }) => peer === "good").length, 10);
  assert.equal(all.at(-1)?.text, "bad 999");
  assert.equal(waiting.size, 0);
  for (let peer = 0; peer < 300; peer++) waiting.add({ kind: "fact", text: `${peer}`, peer: `${peer}` });
  assert.equal(waiting.size, 100);
});

test("digests of different sets differ, whatever the order of ids, and a malformed digest is no difference", () => {
  const id = (digit: string): string => digit.repeat(64);
  const digest = (...ids: string[]) => digestOf({ kind: "fact", ids: () => ids });
  assert.deepEqual(digest(id("a"), id("b")), digest(id("b"), id("a")));
  assert.deepEqual(digest(), ["fact", 0, "0".repeat(32)]);
  const own = [digest(id("a"), id("b"))];
  assert.deepEqual(differing(own, [digest(id("b"), id("a"))]), []);
  assert.deepEqual(differing(own, [digest(id("a"), id("c"))]), ["fact"]);
  assert.deepEqual(differing(own, [digest()]), ["fact"]);
  for (const nonsense of [undefined, null, 1, "x", [], [null], [1], Array(100).fill(digest())]) {
    assert.deepEqual(differing(own, nonsense), []);
  }
});
