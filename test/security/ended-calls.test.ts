// What a call held is free once it ended: tables on the hot path keep nothing of it, even when they are old.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { getHeapSpaceStatistics } from "node:v8";
import { collectGarbage } from "../../runtime/sandbox/collect-garbage.js";
import { systemClock } from "../../src/core/clock.js";
import { PendingRequests } from "../../src/mesh/transport/pending-requests.js";
import { InFlight, WaitingCall } from "../../src/server/call/in-flight.js";
import type { RequestContext } from "../../src/server/http/request-context.js";

const calls = 500_000;
const atATime = 32;

/** Bytes of objects that survived two collections. */
function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === "old_space")?.space_used_size ?? Number.NaN;
}

/** The most bytes that grew old while calls of half a kilobyte began and ended, so many at a time. */
async function grownOld(begin: (held: object) => () => void): Promise<number> {
  const running: (() => void)[] = [];
  const before = oldBytes();
  let most = 0;
  for (let count = 0; count < calls; count++) {
    running.push(begin({ isCompleted: false, aborted: false, held: new Array(64).fill(count) }));
    if (running.length > atATime) running.shift()?.();
    // From here on, each table is old.
    if (count === calls / 20) collectGarbage();
    if (count % 100 !== 0) continue;
    most = Math.max(most, oldBytes() - before);
    await turn();
  }
  for (const end of running) end();
  return most;
}

const tables = {
  "calls in flight": () => {
    const inFlight = new InFlight();
    return (held: object) => {
      const call = new WaitingCall(held as RequestContext);
      inFlight.add(call);
      return () => inFlight.delete(call);
    };
  },
  "pending requests of a link": () => {
    const timers = { after: () => () => undefined };
    const requests = new PendingRequests({ clock: systemClock, timers, cancelled: () => undefined });
    return (held: object) => {
      const id = requests.nextId();
      void requests.wait(id, "call", { timeoutMs: 60_000, signal: held as AbortSignal });
      return () => void requests.resolve(id, undefined);
    };
  },
};

for (const [name, table] of Object.entries(tables)) {
  test(`${name}: what ended is gone with the next collection of young objects`, async () => {
    await grownOld(table());
    const grown = await grownOld(table());
    assert.ok(grown < 12e6, `${Math.round(grown / 1e6)} MB`);
  });
}

test("pending requests: one that lasts keeps its id while thousands of others come and go", async () => {
  const timers = { after: () => () => undefined };
  const cancelled: number[] = [];
  const requests = new PendingRequests({ clock: systemClock, timers, cancelled: (id) => cancelled.push(id) });
  const options = { timeoutMs: 60_000 };
  const first = requests.nextId();
  const lasting = requests.wait(first, "call", options);
  const ids = new Set([first]);
  for (let round = 0; round < 100; round++) {
    const some = Array.from({ length: 1 + (round % 40) }, () => {
      const id = requests.nextId();
      assert.ok(!ids.has(id), `${id} was given before`);
      ids.add(id);
      return { id, answer: requests.wait(id, "call", options) };
    });
    assert.equal(requests.size, 1 + some.length);
    for (const { id } of some.toReversed()) assert.equal(requests.resolve(id, -id), true);
    for (const { id, answer } of some) assert.equal(await answer, -id);
    assert.equal(requests.resolve(some[0]?.id ?? 0, 0), false, "it ended before");
  }
  assert.equal(requests.size, 1);
  assert.equal(requests.resolve(first, "late"), true);
  assert.equal(await lasting, "late");
});
