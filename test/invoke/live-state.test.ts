// Reports of a node's live state, and the effect of its owner's allowance on calls: its clients', its peers', running
// ones.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pack, unpack } from "msgpackr";
import type { HerdError } from "../../src/core/errors.js";
import { decodeReport, encodeReport, type Report } from "../../src/invoke/peers/report.js";
import { ownerStates } from "../../src/owner/allowance.js";
import type { Sent } from "../harness/virtual/fake-links.js";
import { type FakeNode, fakeMesh, pick } from "../harness/virtual/forward-node.js";

const ranAt = (nodes: FakeNode[]) => nodes.map(({ runner }) => runner.ran.length);
const codeOf = (error: HerdError) => error.code;

test("a report arrives as it was sent, and any other body is refused", () => {
  const count = fc.nat(1e9);
  const ms = fc.double({ min: 0, max: 1e9, noNaN: true }).map(Math.abs);
  const fields = {
    epoch: fc.maxSafeNat(),
    slots: fc.nat(1_024),
    running: count,
    queued: count,
    draining: fc.boolean(),
    serviceMs: fc.option(ms, { nil: undefined }),
    seen: fc.maxSafeNat(),
    loopDelayMs: count,
    owner: fc.constantFrom(...ownerStates),
    lightUnits: fc.oneof(ms, fc.constant(Number.POSITIVE_INFINITY)),
  };
  const report: fc.Arbitrary<Report> = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(report, fc.nat(9), fc.anything(), (told, index, odd) => {
      const crossed: unknown = unpack(pack(encodeReport(told)));
      assert.deepEqual(decodeReport(crossed), told);
      decodeReport((crossed as unknown[]).with(index, odd));
      assert.equal(decodeReport([...(crossed as unknown[]), odd]), undefined);
    }),
  );
});

test("reports are sent with results, every second, and at once when calls must go elsewhere", async () => {
  const sent: Sent[] = [];
  const { world, nodes } = await fakeMesh(2, { slots: 4, wire: (frame) => sent.push(frame) });
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  const seen = () => {
    const peer = a.statuses.get("b");
    return [peer?.slots, peer?.owner, peer?.lightUnits, peer?.loopDelayMs, peer?.fresh];
  };
  assert.deepEqual(seen(), [4, "none", Number.POSITIVE_INFINITY, 7, true]);
  b.owner.allow({ state: "active", slots: 1, lightUnits: 50 });
  await world.advance(5);
  assert.deepEqual(seen(), [1, "active", 50, 7, true]);
  b.owner.allow({ state: "battery", slots: 0 });
  await world.advance(5);
  assert.deepEqual(seen(), [0, "battery", 50, 7, true]);
  sent.length = 0;
  await world.advance(10_000);
  const statuses = sent.filter(({ kind, from }) => kind === "status" && from === "b").length;
  assert.ok(statuses >= 10 && statuses <= 13, `${statuses} reports in ten seconds`);
  b.statuses.stop();
  await world.advance(4_100);
  assert.equal(a.statuses.get("b")?.fresh, false, "nothing for three seconds");
});

test("capacity is sent when a link opens and when it was measured; a malformed one changes nothing", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  assert.equal(a.statuses.get("b")?.capacity, undefined);
  b.capacity.set(2, 3);
  await world.advance(5);
  assert.equal(a.statuses.get("b")?.capacity?.overall, 6_000);
  b.links.get("a")?.notify("capacity", [1, 2, 3]);
  await world.advance(5);
  assert.deepEqual(a.statuses.get("b")?.capacity, b.capacity.current);
  a.links.get("b")?.break();
  a.link(b);
  await world.advance(5);
  assert.deepEqual(a.statuses.get("b")?.capacity, b.capacity.current);
});

test("a call pinned to a node whose link has just opened is sent, though no report was received yet", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  b.runner.runMs = 100;
  b.statuses.stop();
  a.links.get("b")?.break();
  const link = a.link(b);
  assert.equal(a.statuses.get("b")?.fresh, false);
  assert.equal((await world.settle(a.call("1", { node: "b" }))).hop?.node, "name-b");
  link.break();
});

test("a report that is not newer than the last is dropped", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  const report = (epoch: number, running: number): unknown[] => [epoch, 9, running, 0, false, null, 0, 0, 0, null];
  for (const body of [report(1_000, 3), report(999, 4), report(1_000, 5)]) b.links.get("a")?.notify("status", body);
  await world.advance(10);
  assert.equal(a.statuses.get("b")?.running, 3);
});

test("a node without slots takes no calls of peers, and forwards its own", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  b.owner.allow({ state: "battery", slots: 0 });
  // Before any report could arrive: the node refuses by itself.
  const early = await world.settle(a.call("pinned", { node: "b" }).catch(codeOf));
  assert.equal(early, "node.paused");
  assert.match(b.metrics.text(), /herd_peer_calls_total\{outcome="draining"\} 1/);
  await world.advance(5);
  const outcomes = await world.settle(Promise.all([b.call("1"), b.call("2"), a.call("3")]));
  assert.deepEqual(
    outcomes.map(({ hop }) => hop?.node),
    ["name-a", "name-a", undefined],
  );
  assert.equal(ranAt(nodes)[1], 0);
});

test("without peers, a node without slots runs its own calls one at a time; a paused one runs none", async () => {
  const { world, nodes } = await fakeMesh(2, { slots: 2 });
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  for (const { owner } of nodes) owner.allow({ state: "hot", slots: 0 });
  await world.advance(5);
  const calls = [a.call("1"), a.call("2")];
  await world.advance(5);
  assert.deepEqual(a.runner.stats(), { slots: 0, running: 1, queued: 1 });
  await world.settle(Promise.all(calls));
  a.owner.allow({ state: "paused" });
  const refused = await world.settle(a.call("3").catch((error: HerdError) => error));
  assert.ok(
    "code" in refused && refused.code === "node.paused" && (refused.retryAfterSeconds ?? 0) > 0,
    JSON.stringify(refused),
  );
  b.owner.allow({ state: "none", slots: 2 });
  await world.advance(5);
  assert.equal((await world.settle(a.call("4"))).hop?.node, "name-b");
});

test("a preempted call goes to a peer, whether it is the node's own or a peer's", async () => {
  const { world, nodes } = await fakeMesh(3);
  const [a, b, c] = [pick(nodes, 0), pick(nodes, 1), pick(nodes, 2)];
  for (const { runner } of nodes) runner.runMs = 300;
  const calls = [a.call("own"), a.call("away")];
  await world.advance(20);
  const host = b.runner.ran.length === 1 ? b : c;
  const other = host === b ? c : b;
  for (const node of [a, host]) {
    node.owner.allow({ state: "battery", slots: 0 });
    node.runner.preempt();
  }
  const outcomes = await world.settle(Promise.all(calls));
  assert.deepEqual(
    outcomes.map(({ json, hop }) => [json, hop?.node]),
    ["own", "away"].map((text) => [text, `name-${other.id}`]),
  );
  assert.match(host.metrics.text(), /herd_peer_calls_total\{outcome="draining"\} 1/);
});

test("a preempted call that no peer takes runs here again, unless the node is paused", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  for (const { runner } of nodes) runner.runMs = 100;
  b.owner.allow({ state: "battery", slots: 0 });
  await world.advance(5);
  const call = a.call("1");
  await world.advance(20);
  a.owner.allow({ state: "battery", slots: 0 });
  a.runner.preempt();
  assert.equal((await world.settle(call)).hop, undefined);
  assert.deepEqual(a.runner.ran, ["1", "1"]);
  const again = a.call("2").catch(codeOf);
  await world.advance(20);
  a.owner.allow({ state: "paused" });
  a.runner.preempt();
  assert.equal(await world.settle(again), "node.paused");
});
