// Here or one hop, as pure functions: the rule in a table, and what holds for all loads.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Candidate,
  choose,
  chooseAway,
  estimateWaitMs,
  type Here,
  patienceMs,
  peerWaitMs,
} from "../../src/invoke/choose.js";

const idle: Here = { available: true, slots: 2, running: 1, queued: 0, runMs: 10 };
const full: Here = { ...idle, running: 2 };
const away: Here = { ...idle, available: false };

function peer(nodeId: string, more: Partial<Candidate> = {}): Candidate {
  return { nodeId, slots: 2, running: 0, queued: 0, runMs: 10, weight: 1, rttMs: 1, inFlight: 0, ...more };
}

/** The peer's id, or the word. */
function chosen(local: Here, peers: readonly Candidate[], random: () => number = Math.random): string {
  const choice = choose({ local, peers, random });
  return typeof choice === "string" ? choice : choice.nodeId;
}

test("where a call goes", () => {
  const free = peer("free");
  const busy = peer("busy", { running: 2 });
  const table: [string, Here, Candidate[], string][] = [
    ["idle here", idle, [free], "local"],
    ["idle here, nobody else", idle, [], "local"],
    ["full here, nobody else", full, [], "queue"],
    ["full here, one idle", full, [free], "free"],
    ["full here, all as full", full, [busy], "queue"],
    ["long queue here, a full one", { ...full, queued: 10 }, [busy], "busy"],
    ["full here, the other has calls of ours on their way", full, [peer("loaded", { inFlight: 2 })], "queue"],
    ["full here, the other is as far away as its wait", full, [peer("far", { rttMs: 5.1 })], "queue"],
    ["full here with short calls, nobody is near enough", { ...full, runMs: 0.01 }, [free], "queue"],
    ["full here, the other must not be drawn", full, [peer("draining", { weight: 0 })], "queue"],
    ["not here, one idle", away, [free], "free"],
    ["not here, one busy", away, [busy], "busy"],
    ["not here, nobody", away, [], "none"],
    ["not here, nobody who may", away, [peer("suspect", { weight: 0 })], "none"],
    ["full here, the idle one of two", full, [busy, free], "free"],
    [
      "no call has ended yet",
      { ...full, runMs: undefined },
      [peer("new", { runMs: undefined, rttMs: undefined })],
      "new",
    ],
  ];
  for (const [name, local, peers, wanted] of table) assert.equal(chosen(local, peers), wanted, name);
});

test("the estimated wait", () => {
  const table: [Parameters<typeof estimateWaitMs>[0], number][] = [
    [{ slots: 2, running: 0, queued: 0, runMs: 10 }, 0],
    [{ slots: 2, running: 1, queued: 0, runMs: 10 }, 0],
    [{ slots: 2, running: 2, queued: 0, runMs: 9.99 }, 5],
    [{ slots: 2, running: 2, queued: 3, runMs: 9.99 }, 20],
    [{ slots: 1, running: 1, queued: 1, runMs: 0.99 }, 2],
    [{ slots: 0, running: 0, queued: 0, runMs: 10 }, Number.POSITIVE_INFINITY],
  ];
  for (const [load, wanted] of table) assert.equal(estimateWaitMs(load), wanted);
  assert.equal(peerWaitMs(peer("p", { rttMs: 3, inFlight: 2, runMs: undefined }), 9.99), 3 + 5);
});

test("a call is as patient at a peer as it would have to be here, and endless when here is no choice", () => {
  assert.equal(patienceMs({ ...full, runMs: 9.99 }, peer("p", { rttMs: 2 })), 3);
  assert.equal(patienceMs(idle, peer("p")), 0);
  assert.ok(patienceMs(away, peer("p")) > 1e8);
});

test("draws follow the weights", () => {
  const peers = [peer("a", { weight: 1 }), peer("b", { weight: 3 }), peer("c", { weight: 0 })];
  const counts = new Map<string, number>();
  const draws = 200;
  for (let index = 0; index < draws; index++) {
    // The first draw alone decides between peers that are as good.
    const picked = chooseAway({ local: full, peers, random: () => index / draws });
    counts.set(picked?.nodeId ?? "", (counts.get(picked?.nodeId ?? "") ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(counts), { a: 50, b: 150 });
});

test("of two draws the better wins, so that load evens out", () => {
  const peers = Array.from({ length: 10 }, (_, index) => ({ ...peer(`${index}`), running: 0 }));
  let state = 1;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  for (let call = 0; call < 1_000; call++) {
    const picked = chooseAway({ local: away, peers, random });
    if (picked !== undefined) picked.running++;
  }
  const loads = peers.map(({ running }) => running);
  assert.ok(Math.max(...loads) - Math.min(...loads) <= 6, `loads ${loads}`);
});

const counts = fc.integer({ min: 0, max: 1_000 });
const times = fc.option(fc.double({ min: 0, max: 5_000, noNaN: true }), { nil: undefined });
const load = { slots: fc.integer({ min: 1, max: 64 }), running: counts, queued: counts, runMs: times };
const candidates = fc.array(
  fc.record({
    ...load,
    nodeId: fc.string(),
    weight: fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e6, noNaN: true })),
    rttMs: times,
    inFlight: counts,
  }),
  { maxLength: 12 },
);
const here = fc.record({ ...load, available: fc.boolean() });
const randoms = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));

test("whatever the loads: only peers that may be drawn are, never the one that was tried, and only for a shorter wait", () => {
  fc.assert(
    fc.property(here, candidates, randoms, fc.nat(), (local, peers, stream, skip) => {
      const random = (): number => stream.next().value ?? 0;
      const except = peers[skip % 13];
      const choice = choose({ local, peers, random, except });
      const usable = peers.filter((candidate) => candidate.weight > 0 && candidate !== except);
      if (choice === "local") assert.ok(local.available && local.running + local.queued < local.slots);
      else if (choice === "none") assert.ok(!local.available && usable.length === 0);
      else if (choice === "queue") assert.ok(local.available);
      else {
        assert.ok(usable.includes(choice));
        if (local.available) assert.ok(peerWaitMs(choice, local.runMs) < estimateWaitMs(local));
        // With two to draw from, never the worst of them.
        if (usable.length === 2) {
          const best = Math.min(...usable.map((candidate) => peerWaitMs(candidate, local.runMs)));
          assert.equal(peerWaitMs(choice, local.runMs), best);
        }
      }
      assert.equal(chooseAway({ local, peers, random, except }) === undefined, usable.length === 0);
    }),
  );
});
