// The arithmetic of estimates: medians, their intervals by order statistics, geometric means.

import assert from "node:assert/strict";
import { test } from "node:test";
import { estimateOf, geometricMean, medianInterval, medianOf } from "../../src/capacity/estimate.js";

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1).reverse();

test("the median is the middle, or the mean of the middle two", () => {
  assert.equal(medianOf([3, 1, 2]), 2);
  assert.equal(medianOf([4, 1, 2, 3]), 2.5);
  assert.equal(medianOf([]), Number.NaN);
});

test("the interval of the median has the ranks of the tables of the sign test", () => {
  assert.equal(medianInterval(upTo(5)), undefined);
  const ranks = [
    [6, 1, 6],
    [9, 2, 8],
    [10, 2, 9],
    [20, 6, 15],
    [50, 18, 33],
    [100, 40, 61],
  ] as const;
  for (const [count, low, high] of ranks) assert.deepEqual(medianInterval(upTo(count)), { low, high });
});

test("the interval holds the median of the sampled distribution in 95 of 100 cases", () => {
  let seed = 7;
  const random = (): number => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return seed / 2 ** 32;
  };
  let held = 0;
  for (let trial = 0; trial < 2_000; trial++) {
    // Skewed, as times are: the median of the exponential distribution is ln 2.
    const interval = medianInterval(Array.from({ length: 25 }, () => -Math.log(1 - random())));
    if (interval !== undefined && interval.low <= Math.LN2 && Math.LN2 <= interval.high) held++;
  }
  assert.ok(held / 2_000 > 0.94, `${held} of 2000`);
});

test("too few samples have no interval", () => {
  assert.deepEqual(estimateOf([10, 12, 11]), { unitsPerSecond: 11, spread: Number.POSITIVE_INFINITY, samples: 3 });
  assert.equal(estimateOf([100, 100, 101, 99, 102, 98]).spread, 0.02);
});

test("the geometric mean weighs a doubling of each part alike, and its spread is smaller than theirs", () => {
  const one = { unitsPerSecond: 100, spread: 0.04, samples: 5 };
  const mean = geometricMean([one, { ...one, unitsPerSecond: 400 }, { ...one, unitsPerSecond: 200 }, one]);
  assert.ok(Math.abs(mean.unitsPerSecond - 100 * 8 ** 0.25) < 1e-9, `${mean.unitsPerSecond}`);
  assert.equal(mean.spread, 0.02);
  assert.equal(mean.samples, 20);
});
