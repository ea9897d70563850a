// The work model in a mesh: learned from runs, results and peers' estimates, and where heavy calls go then.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sent } from "../harness/virtual/fake-links.js";
import { FakeNode, fakeMesh, pick } from "../harness/virtual/forward-node.js";

const revision = "0123456789ab";
const unitsAt = (node: FakeNode, name = "echo") => node.forwarding.workModel.works.of(revision, name).units;

test("work is service time × the node's rate: learned here, from results, and from peers' estimates", async () => {
  const { world, nodes } = await fakeMesh(3);
  const [a, b, c] = [pick(nodes, 0), pick(nodes, 1), pick(nodes, 2)];
  b.capacity.set(2);
  await world.advance(5);
  b.runner.runMs = 15;
  b.runner.heldUpMs = 5;
  await world.settle(a.call("1", { node: "b" }));
  assert.deepEqual([unitsAt(a), unitsAt(b), unitsAt(c)], [40, 40, undefined]);
  await world.advance(600);
  assert.equal(unitsAt(c), 40, "told");
  const late = new FakeNode(world, "d");
  late.link(c);
  late.link(b);
  late.deploy();
  await world.advance(600);
  assert.equal(unitsAt(late), 40, "told to who comes later, by who ran it");
});

test("a call that ran to its deadline is at least as heavy", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  for (const { runner } of nodes) runner.runMs = 10_000;
  await world.settle(a.call("1", { deadlineMs: 200 }).catch(() => undefined));
  assert.equal(unitsAt(a), 200);
  await world.settle(b.call("1", { deadlineMs: 500, node: "a" }).catch(() => undefined));
  assert.ok((unitsAt(b) ?? 0) > 450, `${unitsAt(b)} units`);
});

test("a heavy call is forwarded by a node whose owner is present, and refused by another such node", async () => {
  const { world, nodes } = await fakeMesh(3);
  const [a, b, c] = [pick(nodes, 0), pick(nodes, 1), pick(nodes, 2)];
  for (const { runner } of nodes) runner.runMs = 100;
  await world.settle(a.call("learn"));
  await world.advance(600);
  a.owner.allow({ state: "active", lightUnits: 50 });
  b.owner.allow({ state: "active", lightUnits: 50 });
  await world.advance(10);
  for (let round = 0; round < 10; round++) {
    assert.equal((await world.settle(a.call(`heavy ${round}`))).hop?.node, "name-c");
  }
  // It does not know yet that B's owner came.
  const before = a.statuses.get("b");
  assert.ok(before, "no before");
  before.lightUnits = Number.POSITIVE_INFINITY;
  c.owner.allow({ state: "active", lightUnits: 50 });
  await world.advance(10);
  assert.equal((await world.settle(a.call("nowhere"))).hop, undefined, "nobody takes it: here");
  assert.match(b.metrics.text(), /herd_peer_calls_total\{outcome="heavy"\} 1/);
  for (const { runner } of nodes) runner.runMs = 1;
  for (let round = 0; round < 100; round++) await world.settle(a.call(`light ${round}`));
  assert.equal((await world.settle(a.call("light"))).hop, undefined, "now it is light, and stays");
});

test("at most 64 estimates a second are sent, if changed by a fifth; malformed ones change nothing", async () => {
  const sent: Sent[] = [];
  const { world, nodes } = await fakeMesh(2, { wire: (frame) => sent.push(frame) });
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  const { workModel } = a.forwarding;
  const learn = (serviceMs: number): void => {
    for (let index = 0; index < 200; index++) {
      const work = workModel.works.of(revision, `f${index}`);
      workModel.ran({ work, speed: workModel.here, serviceMs }, world.monotonic());
    }
  };
  const told = () => sent.filter(({ kind, from }) => kind === "work" && from === "a").flatMap(({ body }) => body);
  learn(10);
  await world.advance(1_050);
  assert.equal(told().length, 64);
  await world.advance(3_000);
  assert.equal(told().length, 200);
  assert.equal(unitsAt(b, "f199"), 10);
  learn(11);
  await world.advance(4_000);
  assert.equal(told().length, 200, "that is no news");
  const link = b.links.get("a");
  const odd: unknown[] = [
    null,
    1,
    {},
    [1],
    [[]],
    [["x", "f0", 5, 5]],
    [[revision, 7, 5, 5]],
    [[revision, "f0", -5, 9]],
  ];
  odd.push([[revision, "f0", Number.NaN, 9]], [[revision, "f0", 1e10, 9]], [[revision, "f0", 5, -1]]);
  odd.push([[revision, "x".repeat(2_000), 5, 5]], [[revision, "new", 0, 9]]);
  for (const body of odd) link?.notify("work", body);
  link?.notify(
    "work",
    Array.from({ length: 100 }, (_, index) => [revision, `g${index}`, 5, 5]),
  );
  await world.advance(10);
  assert.equal(unitsAt(a, "new"), undefined);
  assert.deepEqual([unitsAt(a, "g63"), unitsAt(a, "g64")], [5, undefined], "64 of one frame");
});

test("what was learned of a revision goes with it", async () => {
  const { world, nodes } = await fakeMesh(1);
  const a = pick(nodes, 0);
  await world.settle(a.call("1"));
  assert.equal(unitsAt(a), 10);
  a.deploy("ffffffffffff");
  assert.equal(unitsAt(a), undefined);
});

test("a peer slowed to a quarter gets a fraction of the calls within two seconds, and its share later", async () => {
  const { world, nodes } = await fakeMesh(4, { slots: 2 });
  const [a, slow] = [pick(nodes, 0), pick(nodes, 1)];
  a.owner.allow({ slots: 0 });
  for (const { runner } of nodes) runner.runMs = 4;
  const share = async (ms: number): Promise<number> => {
    const calls: Promise<void>[] = [];
    let there = 0;
    const call = async (): Promise<void> => {
      if ((await a.call("1")).hop?.node === `name-${slow.id}`) there++;
    };
    for (const end = world.now() + ms; world.now() < end; await world.advance(4)) calls.push(call(), call());
    await world.settle(Promise.all(calls));
    return there / calls.length;
  };
  const pace = () => a.statuses.get(slow.id)?.speed.pace ?? 0;
  const before = await share(2_000);
  slow.runner.runMs = 16;
  await share(1_500);
  const during = await share(1_000);
  assert.ok(pace() < 0.75, `pace ${pace()} while it is slow`);
  slow.runner.runMs = 4;
  await share(2_500);
  const after = await share(1_000);
  assert.ok(before > 0.23 && before < 0.43, `${before} before`);
  assert.ok(during < 0.3 * before, `${during} of ${before} while it is slow`);
  assert.ok(pace() > 0.9 && after > 0.3 * before, `${after} of ${before} after, pace ${pace()}`);
});
