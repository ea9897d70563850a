// When a call would end, as arithmetic: wait, run and round trip, and how long a call is patient at a peer.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  estimateWaitMs,
  finishMs,
  type Here,
  localFinishMs,
  queueTimeoutMs,
  type Work,
} from "../../src/invoke/routing/finish.js";

const local: Here = { available: true, lightUnits: Infinity, slots: 2, running: 2, queued: 0, serviceMs: 9.99 };
const peer = { slots: 2, running: 2, queued: 0, serviceMs: 9.99, rttMs: 2, inFlight: 0 };

function work(units: number | undefined, rates: { here?: number; there?: number } = {}): Work<unknown> {
  return { units, hereRate: rates.here ?? 1, rateAt: () => rates.there ?? 1 };
}

test("the estimated wait", () => {
  const table: [Parameters<typeof estimateWaitMs>[0], number][] = [
    [{ slots: 2, running: 0, queued: 0, serviceMs: 10 }, 0],
    [{ slots: 2, running: 1, queued: 0, serviceMs: 10 }, 0],
    [{ slots: 2, running: 2, queued: 0, serviceMs: 9.99 }, 5],
    [{ slots: 2, running: 2, queued: 3, serviceMs: 9.99 }, 20],
    [{ slots: 1, running: 1, queued: 1, serviceMs: 0.99 }, 2],
    [{ slots: 0, running: 0, queued: 0, serviceMs: 10 }, Number.POSITIVE_INFINITY],
  ];
  for (const [load, wanted] of table) assert.equal(estimateWaitMs(load), wanted);
});

test("the expected finish is wait and run here, and the round trip beside them at a peer", () => {
  assert.equal(localFinishMs(local, work(20)), 5 + 20);
  assert.equal(localFinishMs(local, work(20, { here: 4 })), 5 + 5);
  const call = { local, work: work(20, { there: 4 }) };
  assert.equal(finishMs(peer, call), 2 + 5 + 5);
  assert.equal(finishMs({ ...peer, running: 0, inFlight: 3 }, call), 2 + 10 + 5, "calls under way count");
  assert.equal(finishMs({ ...peer, rttMs: undefined, running: 0 }, call), 1 + 5);
  assert.equal(finishMs({ ...peer, slots: 0 }, call), Number.POSITIVE_INFINITY);
});

test("a short call waits here for short ones only", () => {
  const here: Here = { ...local, running: 3, queued: 4, serviceMs: 99.99, long: 5, longWorkers: 1, shortMs: 0.99 };
  assert.equal(localFinishMs(here, work(1)), 2 + 1, "two short ones have the worker that is left");
  assert.equal(localFinishMs({ ...here, longWorkers: 2 }, work(1)), 300 + 1, "no worker is left");
  assert.equal(localFinishMs(here, work(10)), 300 + 10, "a long one waits for all");
  assert.equal(localFinishMs(here, work(undefined)), 300 + 99.99, "what nobody knows may be long");
});

test("a function without an estimate counts as this node's other calls, at the peer's pace", () => {
  const call = { local: { ...local, serviceMs: 8 }, work: work(undefined, { here: 2, there: 1 }) };
  assert.equal(finishMs({ ...peer, running: 0 }, call), 2 + 16);
  assert.equal(localFinishMs({ ...local, running: 0, serviceMs: 8 }, call.work), 8);
  assert.equal(finishMs({ ...peer, serviceMs: undefined }, call), 2 + 16.01 / 2 + 16);
});

test("a call's queue timeout at a peer is its wait here, and without limit when this node cannot run it", () => {
  assert.equal(queueTimeoutMs(peer, { local, work: work(10) }), 3);
  assert.equal(queueTimeoutMs(peer, { local, work: work(10, { there: 2 }) }), 8, "the peer's run is shorter by 5 ms");
  assert.equal(queueTimeoutMs(peer, { local: { ...local, running: 1 }, work: work(10) }), 0);
  assert.equal(queueTimeoutMs(peer, { local: { ...local, lightUnits: 5 }, work: work(10) }), 3, "a heavy one too");
  const endless = [
    { ...local, available: false },
    { ...local, slots: 0 },
  ];
  for (const here of endless) {
    const timeoutMs = queueTimeoutMs(peer, { local: here, work: work(10) });
    assert.ok(timeoutMs > 1e8 && timeoutMs <= 1e9, `${timeoutMs}`);
  }
});
