// Outlier ejection: when and for how long a peer is ejected, its error rate, its slow start; and the effect on calls.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Health } from "../../src/invoke/routing/outlier-ejection.js";
import { fakeMesh, pick } from "../harness/virtual/forward-node.js";

const close = (actual: number, expected: number, what: string): void =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${what}: ${actual} instead of ${expected}`);

/** Fails until the peer is ejected; returns the duration. */
function eject(health: Health, now: number): number {
  let failures = 1;
  while (!health.failed(now)) failures++;
  assert.equal(failures, 5, "in a row");
  let ms = 0;
  while (health.isEjected(now + ms)) ms += 500;
  return ms;
}

test("a peer is ejected after five errors in a row, or when more than half of ten answers or more are errors", () => {
  const table: readonly [answers: string, ejectedAt: number | undefined][] = [
    ["xxxx.xxxx.xx", 10],
    ["xxxxx", 4],
    ["....................xxxx", undefined],
    ["....................xxxxx", 24],
    [".x.x.x.x.x.x.x.x", undefined],
    ["xx.xx.xx.x", 9],
    ["xxxx.", undefined],
  ];
  for (const [answers, expected] of table) {
    const health = new Health(0);
    let ejectedAt: number | undefined;
    for (const [index, answer] of [...answers].entries()) {
      if (answer === ".") health.answered(0);
      else if (health.failed(0)) ejectedAt ??= index;
    }
    assert.equal(ejectedAt, expected, answers);
  }
});

test("an ejection lasts a second, the next twice as long, a minute at most; good time halves it again", () => {
  const health = new Health(0);
  const lasted: number[] = [];
  let now = 0;
  for (let round = 0; round < 8; round++) {
    const ms = eject(health, now);
    lasted.push(ms / 1_000);
    now += ms;
  }
  assert.deepEqual(lasted, [1, 2, 4, 8, 16, 32, 60, 60]);
  assert.equal(eject(health, now + 2 * 30_000), 60_000, "eight ejections less two");
  assert.equal(eject(new Health(0), 1e9), 1_000);
  const better = new Health(0);
  for (let round = 0, at = 0; round < 3; round++) at += eject(better, at);
  assert.equal(eject(better, 7_000 + 2 * 30_000), 2_000);
  assert.equal(eject(better, 1e7), 1_000, "long forgotten");
});

test("errors during an ejection belong to earlier calls", () => {
  const health = new Health(0);
  eject(health, 0);
  for (let more = 0; more < 20; more++) assert.equal(health.failed(500), false);
  assert.equal(health.failed(1_000), false, "four more");
  assert.equal(health.isEjected(1_000), false);
});

test("the error rate is that of the last seconds, and never of few answers alone", () => {
  const health = new Health(0);
  close(health.errorRate(0), 0, "nothing is known");
  health.failed(0);
  close(health.errorRate(0), 1 / 6, "one of one");
  for (let more = 0; more < 14; more++) health.answered(0);
  close(health.errorRate(0), 1 / 20, "one of fifteen");
  close(health.errorRate(5_000), 0.5 / 12.5, "half of them forgotten");
  assert.ok(health.errorRate(120_000) < 1e-6, `${health.errorRate(120_000)}`);
});

test("a peer has a slow start when it joins, and again after an ejection", () => {
  const health = new Health(0);
  const warmth = [0, 1_000, 5_000, 10_000, 60_000].map((ms) => health.warmth(ms));
  assert.deepEqual(
    warmth.map((share) => Math.round(share * 100)),
    [10, 19, 55, 100, 100],
  );
  eject(health, 60_000);
  assert.equal(health.warmth(61_000), 0.1);
  assert.equal(health.warmth(71_000), 1);
  eject(health, 80_000);
  health.joined(80_500);
  assert.equal(health.warmth(82_000), 0.1, "coming again ends no ejection");
});

test("a peer that fails at once is ejected, also over another link, and gets calls again once it works", async () => {
  const { world, nodes } = await fakeMesh(3);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  b.runner.fault = new TypeError("secret of the host");
  const burst = async (count: number): Promise<number> => {
    let there = 0;
    for (let round = 0; round < count; round++) {
      const outcomes = await world.settle(Promise.all([a.call("1"), a.call("2")]));
      there += outcomes.filter(({ hop }) => hop?.node === "name-b").length;
    }
    return there;
  };
  await burst(60);
  const broken = Number(/herd_forwarded_total\{outcome="broken"\} (\d+)/.exec(a.metrics.text())?.[1]);
  assert.ok(broken >= 5 && broken <= 8, `${broken} calls failed there before it was left out`);
  assert.match(a.metrics.text(), /herd_peer_ejections_total 1/);
  assert.equal(a.statuses.get("b")?.usable, false);
  a.links.get("b")?.break();
  a.link(b);
  await world.advance(10);
  assert.deepEqual([a.statuses.get("b")?.fresh, a.statuses.get("b")?.usable], [true, false]);
  b.runner.fault = undefined;
  await world.advance(2_000);
  assert.ok((await burst(100)) > 0, "back");
});

test("a function's failure is not the peer's", async () => {
  const { world, nodes } = await fakeMesh(2);
  const a = pick(nodes, 0);
  for (let round = 0; round < 30; round++) {
    const calls = ["1", "2"].map((text) => a.call(text, { function: "trap" }).catch(() => undefined));
    await world.settle(Promise.all(calls));
  }
  assert.equal(a.statuses.get("b")?.errorRate, 0);
  assert.match(a.metrics.text(), /herd_forwarded_total\{outcome="failed"\} 30/);
});
