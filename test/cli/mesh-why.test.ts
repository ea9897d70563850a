// Why a call ran where it ran, as people read it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Choice } from "../../src/api/mesh.js";
import { meshRows } from "../../src/cli/mesh.js";
import { whyLines } from "../../src/cli/mesh-why.js";

const load = { slots: 2, running: 2, queued: 3, serviceMs: 1.5, expectedMs: 4.25, lightUnits: null };
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
  refusal: null,
};
const unsampled = { units: null, sampled: false, candidates: [], draws: [] };
const sampled = {
  units: 12.345,
  sampled: true,
  draws: ["east"],
  candidates: [
    { name: "west", weight: 0, rate: 1, expectedMs: null, whyNot: "heavy", lightUnits: 10 },
    { name: "mid", weight: 0, rate: 1, expectedMs: 1, whyNot: "ejected", lightUnits: null },
    { name: "east", weight: 1_500, rate: 0.75, expectedMs: 0.5, whyNot: null, lightUnits: null },
  ],
};
const why: Choice = {
  invocation: "a-1",
  at: "2026-01-01T00:00:00.000Z",
  app: "demo",
  revision: "0123456789ab",
  function: "f",
  node: "north",
  peers: 2,
  bias: 1.25,
  steps: [{ way: "peer", here, peer: east, ...sampled }],
};

test("a call that a peer ran: the state of both nodes at the choice", () => {
  assert.deepEqual(whyLines(why), [
    "demo/f (0123456789ab) at 2026-01-01T00:00:00.000Z: came in at north, 2 peers could run it",
    "1. at east; a call takes 12.35 work units",
    "   north: 2 of 2 slots running, 3 queued, answer expected in 4.25 ms (calls take 1.50 ms there)",
    "   east: 0 of 2 slots running, 0 queued, round trip 0.50 ms, answer expected in 0.50 ms (calls take " +
      "1.50 ms there)",
    "   · east: weight 1500, 0.75 units a millisecond, answer in 0.50 ms, drawn first",
    "   · west: not drawn: the call is too heavy for its owner, who takes 10 units",
    "   · mid: not drawn: it failed too often and gets no calls for a while",
    "a peer gets a call when its answer is expected 1.25 times sooner than here",
  ]);
});

test("a call that a peer refused shows each step; an unknown number is no NaN", () => {
  const first = { ...east, taken: "refused", refusal: "busy", rttMs: null, serviceMs: null, inFlight: 2 };
  const drained = { ...here, available: false, expectedMs: null };
  const steps = [
    { way: "peer", here, peer: first, ...unsampled },
    { way: "none", here: drained, peer: null, ...unsampled },
  ];
  const lines = whyLines({ ...why, peers: 1, steps });
  assert.match(lines[0] ?? "", /1 peer could run it$/);
  assert.equal(lines[1], "1. at east, which refused it: the call would have waited longer there than here");
  assert.match(
    lines[3] ?? "",
    /0 queued, 2 more on the way there, round trip not measured, answer expected in 0\.50 ms$/,
  );
  assert.equal(lines[4], "2. nowhere: the node gives its calls away, and no peer took it");
  assert.match(lines[5] ?? "", /gives its calls away$/);
});

test("a bound of the owner here is named beside the load", () => {
  const bound = { ...here, lightUnits: 10 };
  const lines = whyLines({ ...why, steps: [{ way: "peer", here: bound, peer: east, ...sampled }] });
  assert.match(lines[2] ?? "", /; too heavy for its owner, who takes 10 units$/);
});

test("the mesh as a table: the asked node first, a dash for each unknown value", () => {
  const stats = { slots: 2, running: 1, queued: 0, capacity: 2_345.6, weight: 2_300.4, owner: "idle" };
  const unknown = { slots: null, running: null, queued: null, capacity: null, owner: null, loopDelayMs: null };
  const rows = meshRows({
    node: "north",
    here: { ...stats, loopDelayMs: 12.3, pace: 0.981 },
    peers: [
      {
        ...stats,
        name: "east",
        state: "alive",
        rttMs: 0.5,
        loopDelayMs: 0,
        pace: 1,
        errorRate: 0.254,
        ejected: true,
        forwarded: 7,
      },
      {
        ...unknown,
        name: "west",
        state: "dead",
        rttMs: null,
        weight: 0,
        pace: null,
        errorRate: null,
        ejected: false,
        forwarded: 0,
      },
    ],
  });
  assert.deepEqual(
    rows.slice(1).map((row) => row.join(" | ")),
    [
      "north | this node | idle | - | 12 ms | 2 | 1 | 0 | 2346 | 0.98 | - | 2300",
      "east | alive, ejected | idle | 0.50 ms | 0 ms | 2 | 1 | 0 | 2346 | 1.00 | 25 % | 2300",
      "west | dead | - | - | - | - | - | - | - | - | - | 0",
    ],
  );
});

test("a name cannot command the terminal", () => {
  const lines = whyLines({
    ...why,
    steps: [{ way: "peer", here, peer: { ...east, name: "\u001b[2J\n" }, ...unsampled }],
  });
  for (const line of lines) assert.ok(!line.includes("\u001b") && !line.includes("\n"), JSON.stringify(line));
});
