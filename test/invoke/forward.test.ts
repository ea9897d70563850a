// Here or one hop: the way of a call, the effect of a refusal, a lost link and a deadline, and the frames on the wire.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NotStarted } from "../../runtime/sandbox/failures.js";
import { HerdError } from "../../src/core/errors.js";
import { PeerFailure } from "../../src/invoke/invoker.js";
import { type FakeNode, fakeMesh, pick } from "../harness/virtual/forward-node.js";

const ranAt = (nodes: FakeNode[]) => nodes.map(({ runner }) => runner.ran.length);

test("a call stays here while a worker is idle", async () => {
  const { world, nodes } = await fakeMesh(3);
  const outcome = await world.settle(pick(nodes, 0).call("1"));
  assert.equal(outcome.hop, undefined);
  assert.deepEqual(ranAt(nodes), [1, 0, 0]);
});

test("calls that would wait here go to idle peers, and their results name the peer", async () => {
  const { world, nodes } = await fakeMesh(3);
  const outcomes = await world.settle(Promise.all(["1", "2", "3"].map((text) => pick(nodes, 0).call(text))));
  assert.deepEqual(ranAt(nodes), [1, 1, 1]);
  assert.deepEqual(outcomes.map(({ hop }) => hop?.node).toSorted(), ["name-b", "name-c", undefined]);
  for (const { hop, runMs } of outcomes) {
    assert.equal(runMs, 10);
    if (hop !== undefined) assert.ok(hop.hopMs > 0 && hop.hopMs < 5, `${hop.hopMs} ms on the way`);
  }
});

test("a call waits here when the peers are as busy", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  const busy = [a.call("1"), b.call("2")];
  await world.advance(5);
  assert.equal((await world.settle(a.call("3"))).hop, undefined);
  await Promise.all(busy);
});

test("a peer that lacks the revision, drains, is suspect or silent gets no calls", async () => {
  const reasons: [string, (a: FakeNode, b: FakeNode) => void][] = [
    ["other revision", (_, b) => b.deploy("ffffffffffff")],
    ["no app", (_, b) => b.router.remove("app")],
    ["draining", (_, b) => b.load.setDraining(true)],
    ["suspect", (a) => a.judge("b", "suspect")],
    ["asleep", (a) => a.judge("b", "asleep")],
    ["silent", (_, b) => b.statuses.stop()],
    ["no link", (a) => a.links.get("b")?.break()],
  ];
  for (const [reason, make] of reasons) {
    const { world, nodes } = await fakeMesh(2);
    const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
    make(a, b);
    await world.advance(4_000);
    await world.settle(Promise.all([a.call("1"), a.call("2")]));
    assert.deepEqual(ranAt(nodes), [2, 0], reason);
    assert.doesNotMatch(a.metrics.text(), /herd_forwarded_total\{outcome="refused"\} [1-9]/, reason);
  }
});

test("peers are notified at once of an added and of a dropped revision", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  b.deploy("aaaaaaaaaaaa", "other");
  await world.advance(5);
  assert.deepEqual(a.statuses.holders("aaaaaaaaaaaa"), ["b"]);
  b.router.remove("other");
  await world.advance(5);
  assert.deepEqual(a.statuses.holders("aaaaaaaaaaaa"), []);
  assert.deepEqual(a.statuses.holders("0123456789ab"), ["b"]);
});

test("a refusal is redrawn at another peer, then the call waits here", async () => {
  const { world, nodes } = await fakeMesh(3);
  const [a, b, c] = [pick(nodes, 0), pick(nodes, 1), pick(nodes, 2)];
  // Their calls arrive before any report could.
  const all = [b.call("b"), c.call("c"), a.call("a1"), a.call("a2")];
  const outcome = await world.settle(all[3] ?? a.call("never"));
  assert.equal(outcome.hop, undefined);
  assert.match(a.metrics.text(), /herd_forwarded_total\{outcome="refused"\} 2/);
  assert.match(a.metrics.text(), /herd_forward_retries_total 2/);
  assert.match(b.metrics.text(), /herd_peer_calls_total\{outcome="busy"\} 1/);
  await world.settle(Promise.all(all));
  assert.deepEqual(ranAt(nodes), [2, 1, 1]);
});

test("a refused call goes to another peer before this node", async () => {
  const { world, nodes } = await fakeMesh(3);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  const first = [a.call("1"), a.call("2"), a.call("3")];
  await world.settle(Promise.all(first));
  // B refuses whatever comes; C is idle.
  b.load.setDraining(true);
  const outcomes = await world.settle(Promise.all(Array.from({ length: 2 }, (_, index) => a.call(`x${index}`))));
  assert.equal(outcomes[1]?.hop?.node, "name-c");
});

test("a failure of the function at a peer is the answer, with its place and where it ran", async () => {
  const { world, nodes } = await fakeMesh(2);
  const a = pick(nodes, 0);
  const here = a.call("1");
  const failed = a.call("2", { function: "trap" }).catch((error: unknown) => error);
  const error = await world.settle(failed);
  assert.ok(error instanceof PeerFailure, String(error));
  assert.equal(error.code, "function.trapped");
  assert.equal(error.where, "index.ts:1:1");
  assert.equal(error.hop.node, "name-b");
  assert.deepEqual(ranAt(nodes), [1, 1]);
  await here;
});

test("a call that fails through the peer's fault runs elsewhere; a pinned one fails without details", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  b.runner.fault = new TypeError("secret of the host");
  const outcomes = await world.settle(Promise.all([a.call("1"), a.call("2")]));
  assert.deepEqual(
    outcomes.map(({ json, hop }) => [json, hop]),
    [
      ["1", undefined],
      ["2", undefined],
    ],
  );
  assert.equal(b.warnings.length, 1);
  const error = await world.settle(a.call("3", { node: "b" }).catch((reason: unknown) => reason));
  assert.ok(error instanceof HerdError, String(error));
  assert.equal(error.code, "internal");
  assert.doesNotMatch(error.message, /secret/);
});

test("a call that a peer cannot run now, for want of memory, is refused there and runs elsewhere", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  b.runner.fault = new NotStarted("busy", "no memory for an instance", { code: "node.unavailable" });
  const outcomes = await world.settle(Promise.all([a.call("1"), a.call("2")]));
  assert.deepEqual(
    outcomes.map(({ hop }) => hop),
    [undefined, undefined],
  );
  assert.match(a.metrics.text(), /herd_forwarded_total\{outcome="refused"\} 1/);
  assert.match(a.metrics.text(), /herd_forwarded_total\{outcome="broken"\} 0/);
  assert.deepEqual(b.warnings, []);
});

test("a call whose link breaks runs again elsewhere within its deadline", async () => {
  const { world, nodes } = await fakeMesh(3);
  const a = pick(nodes, 0);
  for (const { runner } of nodes) runner.runMs = 100;
  const first = a.call("1");
  const second = a.call("2");
  await world.advance(20);
  const victim = nodes.slice(1).find(({ runner }) => runner.ran.length === 1);
  assert.ok(victim, "no victim");
  a.links.get(victim.id)?.break();
  const outcome = await world.settle(second);
  assert.equal(outcome.json, "2");
  assert.notEqual(outcome.hop?.node, `name-${victim.id}`);
  assert.deepEqual(ranAt(nodes), [1, 1, 1]);
  assert.match(a.metrics.text(), /herd_forwarded_total\{outcome="broken"\} 1/);
  await first;
});

test("a call at a peer that falls silent runs again, and the peer's run is cancelled", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  for (const { runner } of nodes) runner.runMs = 10_000;
  const first = a.call("1", { deadlineMs: 30_000 }).catch(() => undefined);
  const second = a.call("2", { deadlineMs: 30_000 });
  await world.advance(20);
  assert.deepEqual(ranAt(nodes), [1, 1]);
  b.statuses.stop();
  a.runner.runMs = 10;
  const outcome = await world.settle(second);
  assert.equal(outcome.hop, undefined);
  assert.equal(outcome.json, "2");
  await world.settle(first);
});

test("the deadline crosses the hop and bounds the call there", async () => {
  const { world, nodes } = await fakeMesh(2);
  const a = pick(nodes, 0);
  for (const { runner } of nodes) runner.runMs = 10_000;
  const calls = ["1", "2"].map((text) => a.call(text, { deadlineMs: 200 }).catch((error: HerdError) => error.code));
  const cameAt = world.now();
  assert.deepEqual(await world.settle(Promise.all(calls)), ["function.deadline", "function.deadline"]);
  assert.ok(world.now() - cameAt < 250, `${world.now() - cameAt} ms`);
});

test("a receiver's own limit bounds what a peer asks for", async () => {
  const { world, nodes } = await fakeMesh(2, { limits: { deadlineMs: 50 } });
  for (const { runner } of nodes) runner.runMs = 10_000;
  const calls = ["1", "2"].map((text) =>
    pick(nodes, 0)
      .call(text, { deadlineMs: 1_000 })
      .catch(() => undefined),
  );
  await world.advance(80);
  assert.equal(pick(nodes, 1).runner.stats().running, 0);
  await world.settle(Promise.all(calls));
});

test("a cancelled call is cancelled at the peer", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  for (const { runner } of nodes) runner.runMs = 3_000;
  const first = a.call("1");
  const gone = new AbortController();
  const second = a.call("2", { signal: gone.signal }).catch((error: unknown) => error);
  await world.advance(20);
  assert.equal(b.runner.stats().running, 1);
  gone.abort(new Error("the client left"));
  assert.equal(await world.settle(second), gone.signal.reason);
  await world.advance(20);
  assert.equal(b.runner.stats().running, 0);
  assert.equal(b.forwarding.receiver.size, 0);
  await world.settle(first);
});

test("a draining node forwards its calls, takes none, and fails them when no peer takes them", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  a.load.setDraining(true);
  await world.advance(30);
  assert.equal((await world.settle(a.call("1"))).hop?.node, "name-b");
  const others = await world.settle(Promise.all([b.call("2"), b.call("3")]));
  assert.deepEqual(
    others.map(({ hop }) => hop),
    [undefined, undefined],
  );
  b.load.setDraining(true);
  await world.advance(30);
  assert.equal(await world.settle(a.call("4").catch((error: HerdError) => error.code)), "node.draining");
  a.load.setDraining(false);
  assert.equal((await world.settle(a.call("5"))).hop, undefined);
});

test("a node that shuts down runs calls of its own clients, and takes none from peers", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  b.load.leave();
  await world.advance(50);
  const outcomes = await world.settle(Promise.all([a.call("1"), a.call("2"), b.call("3")]));
  assert.deepEqual(
    outcomes.map(({ hop }) => hop),
    [undefined, undefined, undefined],
  );
  assert.deepEqual(ranAt(nodes), [2, 1]);
  await b.forwarding.receiver.idle(new AbortController().signal);
});

test("a call pinned to one node runs there however busy it is, or fails", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  const busy = [b.call("1"), b.call("2")];
  assert.equal((await world.settle(a.call("3", { node: "b" }))).hop?.node, "name-b");
  assert.equal((await world.settle(a.call("4", { node: "a" }))).hop, undefined);
  await world.settle(Promise.all(busy));
  const code = (error: HerdError) => error.code;
  assert.equal(await world.settle(a.call("5", { node: "z" }).catch(code)), "node.unavailable");
  b.load.setDraining(true);
  await world.advance(30);
  assert.equal(await world.settle(a.call("6", { node: "b" }).catch(code)), "node.draining");
  a.links.get("b")?.break();
  assert.equal(await world.settle(a.call("7", { node: "b" }).catch(code)), "node.unavailable");
});

test("a call whose result does not fit a frame runs here instead", async () => {
  const { world, nodes } = await fakeMesh(2);
  const a = pick(nodes, 0);
  const outcomes = await world.settle(Promise.all([a.call("1"), a.call("2", { function: "huge" })]));
  assert.equal(outcomes[1]?.hop, undefined);
  assert.equal(outcomes[1]?.json?.length, 10_000);
});

test("large arguments stay here", async () => {
  const { world, nodes } = await fakeMesh(2);
  const text = "x".repeat(4 * 1024 * 1024 + 1);
  await world.settle(Promise.all([pick(nodes, 0).call(text), pick(nodes, 0).call(text)]));
  assert.deepEqual(ranAt(nodes), [2, 0]);
});

test("calls in flight to a peer count until the peer reports them", async () => {
  const { world, nodes } = await fakeMesh(2, { slots: 2 });
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  for (const { runner } of nodes) runner.runMs = 50;
  const all = Array.from({ length: 4 }, (_, index) => a.call(`${index}`));
  assert.equal(a.statuses.get("b")?.inFlight, 2);
  await world.advance(30);
  const peer = a.statuses.get("b");
  assert.deepEqual([peer?.running, peer?.inFlight], [2, 0], "told after it settled, nothing counted twice");
  await world.settle(Promise.all(all));
  assert.deepEqual(ranAt(nodes), [2, 2]);
  assert.equal(b.statuses.get("a")?.inFlight, 0);
});
