// Why a call ran where it ran, as people read it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type WhyBody, whyLines } from "../../src/cli/mesh-why.js";

const load = { slots: 2, running: 2, queued: 3, runMs: 1.5, expectedMs: 4.25 };
const here = { ...load, available: true };
const east = {
  ...load,
  running: 0,
  queued: 0,
  expectedMs: 0.5,
  name: "east",
  inFlight: 0,
  rttMs: 0.5,
  taken: "answered",
};
const why: WhyBody = {
  ...{ invocation: "a-1", at: "2026-01-01T00:00:00.000Z", app: "demo", revision: "0123456789ab", function: "f" },
  ...{ node: "north", peers: 2, steps: [{ way: "peer", here, peer: east }] },
};

test("a call that went away: both sides as they were", () => {
  assert.deepEqual(whyLines(why), [
    "demo/f (0123456789ab) at 2026-01-01T00:00:00.000Z: came in at north, 2 peers could run it",
    "1. at east",
    "   north: 2 of 2 slots running, 3 queued, expected wait 4.25 ms (a call runs 1.50 ms)",
    "   east: 0 of 2 slots running, 0 queued, round trip 0.50 ms, expected wait 0.50 ms (a call runs 1.50 ms)",
  ]);
});

test("a call that was refused and came home says each step; an unknown figure is no NaN", () => {
  const first = { ...east, taken: "refused", rttMs: null, runMs: null, inFlight: 2 };
  const drained = { ...here, available: false, expectedMs: null };
  const steps = [
    { way: "peer", here, peer: first },
    { way: "none", here: drained, peer: null },
  ];
  const lines = whyLines({ ...why, peers: 1, steps });
  assert.match(lines[0] ?? "", /1 peer could run it$/);
  assert.equal(lines[1], "1. at east, which refused it");
  assert.match(lines[3] ?? "", /0 queued, 2 more on the way there, round trip not measured, expected wait 0\.50 ms$/);
  assert.equal(lines[4], "2. nowhere: the node gives its calls away, and no peer took it");
  assert.match(lines[5] ?? "", /gives its calls away$/);
});

test("a name cannot command the terminal", () => {
  const lines = whyLines({ ...why, steps: [{ way: "peer", here, peer: { ...east, name: "\u001b[2J\n" } }] });
  for (const line of lines) assert.ok(!line.includes("\u001b") && !line.includes("\n"));
});
