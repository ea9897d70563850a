// Here or one hop, as pure functions: the rule in a table, and properties that hold for all loads.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Candidate,
  choose,
  chooseAgain,
  chooseAway,
  type Trace,
  weightOf,
} from "../../src/invoke/routing/choose.js";
import { finishMs, type Here, localFinishMs, type Work } from "../../src/invoke/routing/finish.js";
import { seeded } from "../harness/virtual/virtual-time.js";

const bias = 1.25;
const idle: Here = { available: true, lightUnits: Infinity, slots: 2, running: 1, queued: 0, serviceMs: 10 };
const full: Here = { ...idle, running: 2 };
const away: Here = { ...idle, available: false };
const ownerHere: Here = { ...idle, lightUnits: 50 };
const noSlots: Here = { ...idle, slots: 0, running: 0 };

interface RatedPeer extends Candidate {
  readonly rate: number;
}

function peer(nodeId: string, more: Partial<RatedPeer> = {}): RatedPeer {
  const load = { slots: 2, running: 0, queued: 0, serviceMs: 10, rttMs: 1, inFlight: 0 };
  return { nodeId, rate: 1, usable: true, lightUnits: Infinity, errorRate: 0, warmth: 1, ...load, ...more };
}

function work(units: number | undefined, hereRate = 1): Work<RatedPeer> {
  return { units, hereRate, rateAt: ({ rate }) => rate };
}

const light = work(10);
const heavy = work(1_000);
const unknown = work(undefined);

/** A long call runs here, and another one waits. */
const longs = { running: 1, queued: 1, longWorkers: 1, shortMs: 0.1 };

function word(choice: RatedPeer | string): string {
  return typeof choice === "string" ? choice : choice.nodeId;
}

test("where a call goes", () => {
  const free = peer("free");
  const busy = peer("busy", { running: 2 });
  const strict = peer("strict", { lightUnits: 50 });
  const table: [string, Here, RatedPeer[], string, Work<RatedPeer>?][] = [
    ["idle here", idle, [free], "local"],
    ["idle here, nobody else", idle, [], "local"],
    ["the last worker here, a long call, the other is as fast", idle, [peer("near", { rttMs: 0 })], "local", heavy],
    ["the last worker here, a long call, the other is faster", idle, [peer("fast", { rate: 2 })], "fast", heavy],
    ["the last worker here, a short call, the other is faster", idle, [peer("fast", { rate: 2 })], "local", work(0.1)],
    ["one of two idle workers here, a long call", { ...idle, running: 0 }, [peer("fast", { rate: 2 })], "local", heavy],
    [
      "the only worker here, a long call",
      { ...idle, slots: 1, running: 0 },
      [peer("fast", { rate: 9 })],
      "local",
      heavy,
    ],
    ["a long call waits here, a short one comes", { ...full, ...longs, long: 2 }, [free], "local", work(0.1)],
    [
      "long calls have all workers, a short one comes",
      { ...full, ...longs, longWorkers: 2, long: 2 },
      [free],
      "free",
      work(0.1),
    ],
    ["full here, nobody else", full, [], "queue"],
    ["full here, one idle", full, [free], "free"],
    ["full here, all as full", full, [busy], "queue"],
    ["long queue here, a full one", { ...full, queued: 10 }, [busy], "busy"],
    ["full here, the other has calls of ours on their way", full, [peer("loaded", { inFlight: 2 })], "queue"],
    ["full here, the other is as far away as its wait", full, [peer("far", { rttMs: 5.1 })], "queue"],
    ["full here, the other is a little better only", full, [peer("far", { rttMs: 3 })], "queue"],
    ["full here with short calls, nobody is near enough", { ...full, serviceMs: 0.01 }, [free], "queue", work(0.01)],
    ["full here, the other must not be drawn", full, [peer("draining", { usable: false })], "queue"],
    ["full here, the other has no slots", full, [peer("battery", { slots: 0 })], "queue"],
    ["full here, the other is slow", full, [peer("slow", { rate: 0.25 })], "queue"],
    ["full here, the other is fast, though as full", full, [peer("fast", { running: 2, rate: 4 })], "fast", heavy],
    ["not here, one idle", away, [free], "free"],
    ["not here, one busy", away, [busy], "busy"],
    ["not here, nobody", away, [], "none"],
    ["not here, nobody who may", away, [peer("suspect", { usable: false })], "none"],
    ["full here, the idle one of two", full, [busy, free], "free"],
    ["no slots here, one busy", noSlots, [busy], "busy"],
    ["no slots here, nobody who may", noSlots, [peer("suspect", { usable: false })], "queue"],
    ["the owner is here, a light call", ownerHere, [free], "local"],
    ["the owner is here, a heavy call", ownerHere, [free], "free", heavy],
    ["the owner is here, a heavy call: a free worker beats a queue there", ownerHere, [busy], "local", heavy],
    [
      "the owner is here, a heavy call, and those of ours on their way fill the other",
      ownerHere,
      [peer("loaded", { inFlight: 2 })],
      "local",
      heavy,
    ],
    ["the owner is here, a heavy call, full here, one idle", { ...ownerHere, running: 2 }, [free], "free", heavy],
    ["the owner is here, a heavy call, the wait is the same", { ...ownerHere, running: 2 }, [busy], "queue", heavy],
    [
      "the owner is here, a heavy call, the wait is longer here",
      { ...ownerHere, running: 2, queued: 3 },
      [busy],
      "busy",
      heavy,
    ],
    [
      "the last worker here, a long call, the faster other is full",
      idle,
      [peer("fast", { rate: 9, running: 2 })],
      "local",
      heavy,
    ],
    ["the owner is here, a heavy call, nobody who may", ownerHere, [peer("off", { usable: false })], "local", heavy],
    ["owners are everywhere, a heavy call", ownerHere, [strict], "local", heavy],
    ["owners are everywhere, a call that nobody knows", { ...ownerHere, running: 2 }, [strict], "strict", unknown],
    ["full here, a heavy call, only the other's owner is there", full, [strict], "queue", heavy],
    [
      "no call has ended yet",
      { ...full, serviceMs: undefined },
      [peer("new", { serviceMs: undefined, rttMs: undefined })],
      "new",
      unknown,
    ],
  ];
  for (const [name, local, peers, wanted, call = light] of table) {
    assert.equal(word(choose({ local, peers, work: call, random: Math.random, bias })), wanted, name);
  }
});

test("after a refusal another peer is next, unless it would queue the call while a worker is free here", () => {
  const again = (local: Here, other: RatedPeer): RatedPeer | undefined =>
    chooseAgain({ local, peers: [other], work: light, random: Math.random, bias });
  const [free, busy] = [peer("free"), peer("busy", { running: 2 })];
  assert.equal(again(idle, free), free);
  assert.equal(again(idle, busy), undefined);
  assert.equal(again(full, busy), busy);
  assert.equal(again(away, busy), busy);
});

test("a trace names why each peer cannot be drawn", () => {
  const trace: Trace<RatedPeer> = { candidates: [], draws: [], localMs: undefined };
  const peers = [
    peer("free"),
    peer("draining", { usable: false, whyNot: "draining" }),
    peer("battery", { slots: 0 }),
    peer("strict", { lightUnits: 50 }),
  ];
  choose({ local: full, peers, work: heavy, random: Math.random, bias, trace });
  assert.deepEqual(
    trace.candidates.map(({ whyNot }) => whyNot),
    [undefined, "draining", "owner", "heavy"],
  );
});

test("the weight of a peer", () => {
  const table: [Partial<RatedPeer>, number, number][] = [
    [{}, 1, 2],
    [{ slots: 8 }, 0.5, 4],
    [{ errorRate: 0.5 }, 1, 0.5],
    [{ errorRate: 1 }, 1, 0],
    [{ warmth: 0.1 }, 1, 0.2],
    [{ usable: false }, 1, 0],
    [{ slots: 0 }, 1, 0],
  ];
  for (const [more, rate, wanted] of table) assert.equal(weightOf(peer("p", more), rate), wanted);
});

test("first draws follow the weights", () => {
  const peers = [peer("a", { slots: 1 }), peer("b", { slots: 3 }), peer("c", { usable: false })];
  const counts = new Map<string, number>();
  const draws = 200;
  for (let index = 0; index < draws; index++) {
    // The first draw alone decides between peers that are as good.
    const picked = chooseAway({ local: full, peers, work: light, random: () => index / draws, bias });
    counts.set(picked?.nodeId ?? "", (counts.get(picked?.nodeId ?? "") ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(counts), { a: 50, b: 150 });
});

test("both draws are without replacement, each by weight among the remaining peers", () => {
  const weights = [1, 2, 3, 4];
  const peers = weights.map((slots, index) => peer(`${index}`, { slots }));
  const random = seeded(7);
  const pairs = Array.from(weights, () => Array.from(weights, () => 0));
  const draws = 100_000;
  for (let index = 0; index < draws; index++) {
    const trace: Trace<RatedPeer> = { candidates: [], draws: [], localMs: undefined };
    chooseAway({ local: full, peers, work: light, random, bias, trace });
    const [first, second] = trace.draws.map(({ nodeId }) => Number(nodeId));
    const row = pairs[first ?? 9];
    if (row === undefined || second === undefined) throw new Error("there are two draws");
    row[second] = (row[second] ?? 0) + 1;
  }
  for (const [first, one] of weights.entries()) {
    for (const [second, other] of weights.entries()) {
      const wanted = first === second ? 0 : (one / 10) * (other / (10 - one));
      assert.ok(Math.abs((pairs[first]?.[second] ?? -1) / draws - wanted) < 0.01, `${first} then ${second}`);
    }
  }
});

test("of two draws the better wins, so that load evens out", () => {
  const peers = Array.from({ length: 10 }, (_, index) => peer(`${index}`));
  const random = seeded(1);
  for (let call = 0; call < 1_000; call++) {
    const picked = chooseAway({ local: away, peers, work: light, random, bias });
    const at = picked === undefined ? -1 : peers.indexOf(picked);
    if (picked !== undefined) peers[at] = { ...picked, running: picked.running + 1 };
  }
  const loads = peers.map(({ running }) => running);
  assert.ok(Math.max(...loads) - Math.min(...loads) <= 8, `loads ${loads}`);
});

test("a trace holds the candidates, the draws, and this node's expected finish", () => {
  const peers = [peer("a"), peer("b", { slots: 0 }), peer("c", { rate: 2, rttMs: 3 })];
  const trace: Trace<RatedPeer> = { candidates: [], draws: [], localMs: undefined };
  const choice = choose({ local: full, peers, work: light, random: () => 0, bias, trace });
  assert.deepEqual(
    trace.candidates.map(({ peer: { nodeId }, weight, rate, finishMs: ms }) => [nodeId, weight, rate, ms]),
    [
      ["a", 2, 1, 11],
      ["b", 0, 1, Number.POSITIVE_INFINITY],
      ["c", 4, 2, 8],
    ],
  );
  assert.deepEqual(
    trace.draws.map(({ nodeId }) => nodeId),
    ["a", "c"],
  );
  assert.equal(trace.localMs, 5.005 + 10);
  assert.equal(word(choice), "c");
  const local: Trace<RatedPeer> = { candidates: [], draws: [], localMs: undefined };
  const free = { ...idle, running: 0 };
  assert.equal(choose({ local: free, peers, work: light, random: () => 0, bias, trace: local }), "local");
  assert.deepEqual([local.candidates.length, local.draws.length, local.localMs], [3, 0, 10]);
});

const counts = fc.integer({ min: 0, max: 1_000 });
const slots = fc.integer({ min: 0, max: 64 });
const times = fc.option(fc.double({ min: 0, max: 5_000, noNaN: true }), { nil: undefined });
const rate = fc.double({ min: 1e-3, max: 1e3, noNaN: true });
const bound = fc.oneof(fc.constant(Infinity), fc.double({ min: 0, max: 1e3, noNaN: true }));
const load = { slots, running: counts, queued: counts, serviceMs: times, lightUnits: bound };
const share = fc.constantFrom<number[]>(0, 0.1, 0.5, 1);
const candidates = fc.array(
  fc.record({
    ...load,
    rttMs: times,
    inFlight: counts,
    rate,
    nodeId: fc.string(),
    usable: fc.boolean(),
    errorRate: share,
    warmth: share,
  }),
  { maxLength: 12 },
);
const here = fc.record({ ...load, available: fc.boolean() });
const randoms = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
const biases = fc.double({ min: 1, max: 4, noNaN: true });

test("with any loads, only usable peers are drawn, never the one tried before, and only for a sooner finish", () => {
  fc.assert(
    fc.property(here, candidates, randoms, fc.nat(), times, biases, (local, peers, stream, skip, units, factor) => {
      const random = (): number => stream.next().value ?? 0;
      const except = peers[skip % 13];
      const call = work(units);
      const choice = choose({ local, peers, work: call, random, except, bias: factor });
      const tooHeavy = (units ?? 0) > local.lightUnits;
      const usable = peers.filter(
        (candidate) =>
          weightOf(candidate, candidate.rate) > 0 && candidate !== except && (units ?? 0) <= candidate.lightUnits,
      );
      const isIdle = local.running + local.queued < local.slots;
      const finish = (candidate: RatedPeer): number => finishMs(candidate, { local, work: call });
      const isFull = ({ running, queued, inFlight, slots }: RatedPeer): boolean => running + queued + inFlight >= slots;
      const mayStay = !tooHeavy || usable.length === 0 || usable.some(isFull);
      if (choice === "local")
        assert.ok(local.available && isIdle && mayStay, "here, though it may not stay or is not idle");
      else if (choice === "none")
        assert.ok(!local.available && usable.length === 0, "nowhere, though there is a place");
      else if (choice === "queue") assert.ok(local.available && mayStay, "queued here, though it may not stay");
      else {
        assert.ok(usable.includes(choice), `${choice.nodeId} is not usable`);
        assert.ok(!local.available || !isIdle || !isFull(choice), "a free worker here beats a queue there");
        if (local.available && !tooHeavy)
          assert.ok(
            finish(choice) * factor < localFinishMs(local, call),
            `${finish(choice) * factor}, ${localFinishMs(local, call)}`,
          );
        // With two to draw from, never the worst of them.
        if (usable.length === 2) assert.equal(finish(choice), Math.min(...usable.map(finish)));
      }
      const drawn = chooseAway({ local, peers, work: call, random, except, bias: factor });
      assert.equal(drawn === undefined, usable.length === 0);
    }),
  );
});
