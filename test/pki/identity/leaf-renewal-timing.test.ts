// The renewal of a leaf in service: when it happens, and what a failure does.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../../../src/core/timers.js";
import { type LeafLife, LeafRenewal, peerLeafPart } from "../../../src/pki/identity/leaf-renewal-timing.js";
import { ManualTime } from "../../harness/virtual/manual-time.js";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

interface NumberedLeaf extends LeafLife {
  readonly number: number;
}

/** A node whose leaves are numbered and whose failures a test orders. */
class Node {
  readonly time = new ManualTime();
  readonly used: number[] = [];
  readonly madeAt: number[] = [];
  readonly errors: unknown[] = [];
  failing: "renew" | "use" | undefined;
  lifeMs: number;
  current: NumberedLeaf;

  constructor(lifeMs = 30 * day) {
    this.lifeMs = lifeMs;
    this.current = this.#leaf(0);
  }

  renewal(
    options: { part?: (random: Random) => number; random?: Random; worthless?: (leaf: NumberedLeaf) => boolean } = {},
  ) {
    return new LeafRenewal<NumberedLeaf>({
      current: () => this.current,
      renew: async () => {
        if (this.failing === "renew") throw new Error("no key");
        this.current = this.#leaf(this.current.number + 1);
        this.madeAt.push(this.time.monotonic());
        return this.current;
      },
      use: async (leaf) => {
        if (this.failing === "use") throw new Error("no port");
        this.used.push(leaf.number);
      },
      onError: (error) => this.errors.push(error),
      clock: this.time,
      timers: this.time,
      random: () => 0.5,
      ...options,
    });
  }

  #leaf(number: number): NumberedLeaf {
    const notBefore = this.time.now();
    return { number, notBefore, notAfter: notBefore + this.lifeMs };
  }
}

test("a leaf is renewed and put into service at two thirds of its life, once", async () => {
  const node = new Node();
  const renewal = node.renewal();
  await renewal.check();
  node.time.advance(20 * day);
  await Promise.all([renewal.check(), renewal.check()]);
  await renewal.check();
  assert.deepEqual(node.used, [1]);
});

test("what failed is tried again at the next check, and a leaf that was made is not made twice", async () => {
  const node = new Node();
  const renewal = node.renewal();
  node.time.advance(20 * day);
  for (const failing of ["renew", "use", "use"] as const) {
    node.failing = failing;
    await renewal.check();
  }
  assert.equal(node.errors.length, 3);
  node.failing = undefined;
  await renewal.check();
  assert.deepEqual(node.used, [1]);
});

test("a started renewal checks by itself until it is stopped", async () => {
  const node = new Node();
  const renewal = node.renewal();
  renewal.start();
  renewal.start();
  await node.time.pass(20 * day - minute);
  assert.deepEqual(node.used, []);
  await node.time.pass(2 * minute);
  assert.deepEqual(node.used, [1]);
  assert.equal(node.time.waiting, 1);
  await renewal.stop();
  await renewal.stop();
  assert.equal(node.time.waiting, 0);
  await node.time.pass(20 * day);
  assert.deepEqual(node.used, [1]);
});

test("a peer leaf is renewed at half its life, 10 % earlier or later, drawn anew for each leaf", async () => {
  const draws = [0, 1 - Number.EPSILON, 0.5];
  const node = new Node(day);
  const renewal = node.renewal({ part: peerLeafPart, random: () => draws.shift() ?? 0.5 });
  renewal.start();
  await node.time.pass(40 * hour);
  await renewal.stop();
  const [first = 0, second = 0, third = 0] = node.madeAt;
  const near = (ms: number, hours: number) => assert.ok(Math.abs(ms / hour - hours) < 0.1, `${ms / hour}`);
  near(first, 10.8);
  near(second - first, 13.2);
  near(third - second, 12);
});

test("a renewal that fails is repeated after 5 s, then ever more slowly, until it succeeds", async () => {
  const node = new Node(day);
  const renewal = node.renewal({ part: peerLeafPart });
  renewal.start();
  await node.time.pass(12 * hour - minute);
  node.failing = "renew";
  await node.time.pass(minute + 1);
  const tries = async (ms: number) => {
    const before = node.errors.length;
    await node.time.pass(ms);
    return node.errors.length - before;
  };
  assert.equal(node.errors.length, 1);
  assert.equal(await tries(15_001), 2, "after 5 and 10 s");
  await tries(hour);
  assert.equal(await tries(hour), 6, "every ten minutes");
  node.failing = undefined;
  await node.time.pass(10 * minute + 1);
  assert.deepEqual(node.used, [1]);
  node.failing = "renew";
  assert.equal(await tries(11 * hour), 0);
  await renewal.stop();
});

test("a machine that slept renews within a minute; one whose clock was set back renews at once", async () => {
  const node = new Node(day);
  const renewal = node.renewal({ part: peerLeafPart });
  renewal.start();
  await node.time.pass(hour);
  node.time.set(node.time.now() + 20 * hour);
  await node.time.pass(minute);
  assert.deepEqual(node.used, [1]);
  node.time.set(node.time.now() - 2 * hour);
  await node.time.pass(minute);
  assert.deepEqual(node.used, [1, 2]);
  await renewal.stop();
});

test("an invalid leaf is renewed at once on request, each time, and soon again after a failure", async () => {
  const node = new Node();
  let worthlessUpTo = -1;
  const renewal = node.renewal({ worthless: ({ number }) => number <= worthlessUpTo });
  renewal.hurry();
  await node.time.pass(hour);
  assert.deepEqual(node.used, [], "not before it is started");
  renewal.start();
  await node.time.pass(1);
  worthlessUpTo = 0;
  renewal.hurry();
  await node.time.pass(1);
  assert.deepEqual(node.used, [1]);
  worthlessUpTo = 1;
  node.failing = "renew";
  renewal.hurry();
  await node.time.pass(1);
  assert.equal(node.errors.length, 1);
  node.failing = undefined;
  await node.time.pass(6_000);
  assert.deepEqual(node.used, [1, 2]);
  await node.time.pass(hour);
  assert.deepEqual(node.used, [1, 2]);
  await renewal.stop();
});
