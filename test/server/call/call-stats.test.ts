// Statistics of calls over a minute: what is counted, what is told of it, and what is forgotten.

import assert from "node:assert/strict";
import { test } from "node:test";
import { activeApp } from "../../../src/invoke/app-router.js";
import { CallStats } from "../../../src/server/call/call-stats.js";
import { ClientGone } from "../../../src/server/http/request-body.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";

const app = activeApp(
  "shop",
  { revision: "r", interface: { version: 1, functions: [], records: [], enums: [] } },
  { public: false },
);

function counted() {
  const clock = new ManualClock();
  const stats = new CallStats(clock);
  const answer = (ms: number, hop?: { node: string; hopMs: number }): void =>
    stats.answered(app, {
      name: "total",
      result: { json: "1", queueMs: 0, runMs: ms, serviceMs: ms, ...(hop && { hop }) },
    });
  return { clock, stats, answer, read: () => stats.of(app, "total") };
}

test("quantiles are told within a tenth, with queue, run and hop together", () => {
  const { stats, answer, read } = counted();
  assert.equal(read(), undefined);
  for (let ms = 1; ms <= 100; ms++) answer(ms);
  const { p50Ms = 0, p99Ms = 0, calls, errors } = read() ?? {};
  assert.ok(Math.abs((p50Ms ?? 0) - 50) < 5, String(p50Ms));
  assert.ok(Math.abs((p99Ms ?? 0) - 99) < 10, String(p99Ms));
  assert.deepEqual([calls, errors], [100, 0]);
  stats.answered(app, {
    name: "away",
    result: { json: "1", queueMs: 1, runMs: 1, serviceMs: 1, hop: { node: "beta", hopMs: 8 } },
  });
  const { p50Ms: away = 0 } = stats.of(app, "away") ?? {};
  assert.ok(Math.abs((away ?? 0) - 10) < 1, String(away));
  assert.deepEqual([stats.forwardedTo("beta"), stats.forwardedTo("gamma")], [1, 0]);
});

test("the rate is that of the last seconds, and a minute later nothing is left", () => {
  const { clock, answer, read } = counted();
  for (let second = 0; second < 30; second++) {
    for (let call = 0; call < 20; call++) answer(1);
    clock.advance(1_000);
  }
  assert.ok(Math.abs((read()?.perSecond ?? 0) - 20) <= 0.5, String(read()?.perSecond));
  assert.equal(read()?.calls, 600);
  clock.advance(20_000);
  assert.deepEqual([read()?.perSecond, read()?.calls], [0, 600]);
  clock.advance(60_000);
  assert.deepEqual(read(), { calls: 0, errors: 0, perSecond: 0, p50Ms: null, p99Ms: null });
});

test("errors count as calls, a client that went away as none; a clock that goes back breaks nothing", () => {
  const { clock, stats, read } = counted();
  stats.failed(app, { name: "total", error: new Error("trap") });
  stats.failed(app, { name: "total", error: new ClientGone() });
  assert.deepEqual([read()?.calls, read()?.errors, read()?.p50Ms], [1, 1, null]);
  clock.set(clock.now() - 3_600_000);
  stats.failed(app, { name: "total", error: new Error("trap") });
  assert.equal(read()?.errors, 2);
});

test("very short and very long calls have their place", () => {
  const { answer, read } = counted();
  answer(0);
  assert.ok((read()?.p50Ms ?? 1) <= 0.01, `${read()?.p50Ms}`);
  for (let call = 0; call < 10; call++) answer(600_000);
  assert.ok((read()?.p50Ms ?? 0) > 60_000, `${read()?.p50Ms}`);
});

test("with a revision its stats go", () => {
  const { stats, answer } = counted();
  answer(1);
  assert.equal(stats.of({ ...app }, "total"), undefined);
});
