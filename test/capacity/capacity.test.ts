// A capacity on the wire: a peer decodes what a node encodes, and refuses anything else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Capacity, decodeCapacity, encodeCapacity, ratePerWorker } from "../../src/capacity/capacity.js";

const capacity: Capacity = {
  overall: 1_850.5,
  kernels: { integer: 2_000, float: 1_900, memory: 1_400, allocation: 1_800, hashing: 2_000, matrix: 1_950 },
  workers: 2,
};

test("a capacity crosses whole, also with kernels of a later version", () => {
  const encoded = encodeCapacity(capacity);
  assert.deepEqual(decodeCapacity(encoded), capacity);
  assert.deepEqual(decodeCapacity([...encoded, 1_000]), capacity);
});

test("a malformed capacity, or one out of bounds, is refused", () => {
  const encoded = encodeCapacity(capacity);
  const wrong: unknown[] = [
    undefined,
    null,
    {},
    "12345678",
    [],
    encoded.slice(0, -1),
    [...encoded, ...new Array(64).fill(1)],
  ];
  for (const bad of [0, -1, 1e10, 1e-4, Number.NaN, Number.POSITIVE_INFINITY, "1", null]) {
    for (let index = 1; index < encoded.length; index++) wrong.push(encoded.with(index, bad as number));
  }
  for (const bad of [0, 1.5, 1_025, "2", Number.NaN]) wrong.push(encoded.with(0, bad as number));
  for (const value of wrong) assert.equal(decodeCapacity(value), undefined, JSON.stringify(value));
});

test("the rate of a worker is the overall capacity divided by the workers", () => {
  assert.equal(ratePerWorker({ overall: 3_000, workers: 2 }), 1.5);
  assert.equal(ratePerWorker({ overall: 1e9, workers: 1 }), 64, "no machine is as fast");
  assert.equal(ratePerWorker({ overall: 1e-3, workers: 1_024 }), 1 / 1_024);
});
