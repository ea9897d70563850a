// Waits of the exponential backoff.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, backoffMs } from "../../src/core/backoff.js";

const bounds = { firstMs: 100, lastMs: 1_000 };

test("waits double from failure to failure up to the longest, also after very many", () => {
  const waits = [1, 2, 3, 4, 5, 6, 10_000].map((failures) => backoffMs(failures, bounds));
  assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
});

test("a success starts the waits anew; jitter shortens each by a share that is drawn", () => {
  const draws = [0, 0.5, 1, 0];
  const backoff = new Backoff({ ...bounds, jitter: 0.5, random: () => draws.shift() ?? 0 });
  assert.deepEqual([backoff.next(), backoff.next(), backoff.next()], [50, 150, 400]);
  backoff.reset();
  assert.equal(backoff.next(), 50);
});
