// The renewal of a leaf in service: when it happens, and what a failure does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LeafRenewal } from "../../src/pki/leaf-renewal.js";
import type { PublicLeaf } from "../../src/pki/public-leaf.js";
import { ManualClock } from "../core/manual-clock.js";

const day = 86_400_000;

/** A node whose leaves are numbered and whose failures a test orders. */
class Node {
  readonly clock = new ManualClock();
  current = this.#leaf(0);
  readonly used: string[] = [];
  readonly errors: unknown[] = [];
  failing: "renew" | "use" | undefined;
  #count = 0;

  renewal(everyMs?: number): LeafRenewal {
    return new LeafRenewal({
      current: () => this.current,
      renew: async () => {
        if (this.failing === "renew") throw new Error("no key");
        this.current = this.#leaf(++this.#count);
        return this.current;
      },
      use: async (leaf) => {
        if (this.failing === "use") throw new Error("no port");
        this.used.push(leaf.certificate);
      },
      onError: (error) => this.errors.push(error),
      clock: this.clock,
      ...(everyMs === undefined ? {} : { everyMs }),
    });
  }

  #leaf(number: number): PublicLeaf {
    const notBefore = this.clock.now();
    return { certificate: `leaf ${number}`, key: "", hosts: [], notBefore, notAfter: notBefore + 30 * day };
  }
}

test("a leaf is renewed and put into service at two thirds of its life, once", async () => {
  const node = new Node();
  const renewal = node.renewal();
  await renewal.check();
  node.clock.advance(20 * day);
  await Promise.all([renewal.check(), renewal.check()]);
  await renewal.check();
  assert.deepEqual(node.used, ["leaf 1"]);
});

test("what failed is tried again at the next check, and a leaf that was made is not made twice", async () => {
  const node = new Node();
  const renewal = node.renewal();
  node.clock.advance(20 * day);
  for (const failing of ["renew", "use", "use"] as const) {
    node.failing = failing;
    await renewal.check();
  }
  assert.equal(node.errors.length, 3);
  node.failing = undefined;
  await renewal.check();
  assert.deepEqual(node.used, ["leaf 1"]);
});

test("a started renewal checks by itself until it is stopped", async () => {
  const node = new Node();
  const renewal = node.renewal(5);
  renewal.start();
  renewal.start();
  node.clock.advance(20 * day);
  while (node.used.length === 0) await sleep(5);
  await renewal.stop();
  await renewal.stop();
  node.clock.advance(20 * day);
  await sleep(30);
  assert.deepEqual(node.used, ["leaf 1"]);
});
