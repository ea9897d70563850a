// Decisions: what is kept of a choice, for which calls, and for how long.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Decisions } from "../../src/invoke/routing/decisions.js";
import { stepOf } from "../../src/invoke/routing/step.js";
import { fakeMesh, pick } from "../harness/virtual/forward-node.js";

test("a local and a forwarded call, each with the state known then", async () => {
  const { world, nodes } = await fakeMesh(2);
  const a = pick(nodes, 0);
  await world.settle(Promise.all([a.call("1", { id: "stays" }), a.call("2", { id: "goes" })]));
  const { decisions } = a.forwarding;
  const stays = decisions.find("stays");
  assert.deepEqual([stays?.app, stays?.revision, stays?.function, stays?.peers], ["app", "0123456789ab", "echo", 1]);
  const other = { nodeId: "b", weight: 0.109, rate: 1, expectedMs: 11, whyNot: null, lightUnits: null };
  const sample = { candidates: [other], draws: [] };
  const [stayed] = stays?.steps ?? [];
  const [candidate] = stayed?.sample?.candidates ?? [];
  assert.ok(Math.abs((candidate?.weight ?? 0) - 0.109) < 1e-9, "a new peer starts slowly");
  assert.deepEqual(
    { ...stayed, sample: { ...stayed?.sample, candidates: [{ ...candidate, weight: 0.109 }] } },
    {
      way: "local",
      taken: undefined,
      refusal: undefined,
      peer: undefined,
      units: undefined,
      sample,
      here: {
        available: true,
        slots: 1,
        running: 0,
        queued: 0,
        serviceMs: undefined,
        expectedMs: 10,
        lightUnits: null,
      },
    },
  );
  const [step, ...more] = decisions.find("goes")?.steps ?? [];
  assert.deepEqual([step?.way, step?.taken, more.length], ["peer", "answered", 0]);
  assert.equal(step?.here.running, 1);
  assert.ok((step?.here.expectedMs ?? 0) >= 10, `${step?.here.expectedMs} ms`);
  assert.deepEqual([step?.peer?.nodeId, step?.peer?.running, step?.peer?.inFlight], ["b", 0, 0], "as it was then");
  assert.equal(step?.peer?.expectedMs, 11, "round trip and run");
  assert.deepEqual(step?.sample?.draws, ["b"]);
  assert.equal(pick(nodes, 1).forwarding.decisions.find("goes"), undefined, "the peer had nothing to choose");
});

test("each retry is a step: refused twice, then home", async () => {
  const { world, nodes } = await fakeMesh(3);
  const [a, b, c] = [pick(nodes, 0), pick(nodes, 1), pick(nodes, 2)];
  await world.settle(Promise.all([b.call("b"), c.call("c"), a.call("a1"), a.call("a2", { id: "redrawn" })]));
  const steps = a.forwarding.decisions.find("redrawn")?.steps ?? [];
  assert.deepEqual(
    steps.map(({ way, taken, refusal }) => [way, taken, refusal]),
    [
      ["peer", "refused", "busy"],
      ["peer", "refused", "busy"],
      ["home", undefined, undefined],
    ],
  );
  assert.notEqual(steps[0]?.peer?.nodeId, steps[1]?.peer?.nodeId);
});

test("a lost peer and a function that fails are told apart", async () => {
  const { world, nodes } = await fakeMesh(2);
  const a = pick(nodes, 0);
  const calls = [a.call("1"), a.call("2", { id: "lost" })];
  await world.advance(3);
  a.links.get("b")?.break();
  await world.settle(Promise.all(calls));
  assert.deepEqual(a.forwarding.decisions.find("lost")?.steps.map(({ way, taken }) => [way, taken])[0], [
    "peer",
    "lost",
  ]);
  const again = await fakeMesh(2);
  const [other] = again.nodes;
  const first = other?.call("1");
  const trapped = other?.call("2", { id: "trapped", function: "trap" }).catch(() => "trapped");
  await again.world.settle(Promise.all([first, trapped]));
  assert.equal(other?.forwarding.decisions.find("trapped")?.steps[0]?.taken, "failed");
});

test("a node without peers keeps no decision, and no node keeps one for a pinned call", async () => {
  const alone = await fakeMesh(1);
  await alone.world.settle(pick(alone.nodes, 0).call("1", { id: "alone" }));
  assert.equal(pick(alone.nodes, 0).forwarding.decisions.find("alone"), undefined);
  const { world, nodes } = await fakeMesh(2);
  await world.settle(pick(nodes, 0).call("1", { id: "pinned", node: "b" }));
  assert.equal(pick(nodes, 0).forwarding.decisions.find("pinned"), undefined);
});

test("arguments too large to move, and an unavailable node without peers that take its calls", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  await world.settle(a.call("x".repeat(4 * 1024 * 1024 + 1), { id: "large" }));
  assert.deepEqual(
    a.forwarding.decisions.find("large")?.steps.map(({ way }) => way),
    ["large"],
  );
  for (const node of [a, b]) node.load.setDraining(true);
  await world.advance(30);
  await world.settle(a.call("1", { id: "nowhere" }).catch(() => undefined));
  const [step] = a.forwarding.decisions.find("nowhere")?.steps ?? [];
  assert.deepEqual([step?.way, step?.here.expectedMs], ["none", null]);
});

test("of many choices in a second, a hundred keep their inputs, with 64 candidates each at most", async () => {
  const { world, nodes } = await fakeMesh(2, { slots: 1_000 });
  const a = pick(nodes, 0);
  const sampled = async (count: number) => {
    const ids = Array.from({ length: count }, () => `s-${next++}`);
    await world.settle(Promise.all(ids.map((id) => a.call("1", { id }))));
    return ids.filter((id) => a.forwarding.decisions.find(id)?.steps[0]?.sample !== undefined).length;
  };
  let next = 0;
  assert.equal(await sampled(300), 100);
  await world.advance(500);
  const more = await sampled(300);
  assert.ok(more >= 50 && more <= 55, `${more} half a second later`);
  const peers = Array.from({ length: 100 }, (_, index) => ({
    nodeId: `${index}`,
    usable: true,
    lightUnits: 1,
    errorRate: 0,
    warmth: 1,
    slots: 1,
    running: 0,
    queued: 0,
    serviceMs: 1,
    rttMs: 1,
    inFlight: 0,
  }));
  const candidates = peers.map((peer, index) => ({ peer, weight: index, rate: 1, finishMs: 1, whyNot: undefined }));
  const [first, second] = peers;
  assert.ok(first && second, "no first, or no second");
  const here = { available: true, lightUnits: 50, slots: 1, running: 0, queued: 0, serviceMs: undefined };
  const work = { units: 1, hereRate: 1, rateAt: () => 1 };
  const { sample } = stepOf(first, { here, work, trace: { candidates, draws: [second, first], localMs: 1 } });
  assert.equal(sample?.candidates.length, 64);
  assert.deepEqual(
    sample?.candidates.slice(0, 3).map(({ nodeId }) => nodeId),
    ["1", "0", "99"],
  );
  assert.deepEqual(sample?.draws, ["1", "0"]);
});

test("the oldest decisions are dropped first", async () => {
  const { nodes } = await fakeMesh(1);
  const app = pick(nodes, 0).router.find("app");
  assert.ok(app, "no app");
  const decisions = new Decisions(3);
  const here = { available: true, lightUnits: 50, slots: 1, running: 0, queued: 0, serviceMs: undefined };
  const work = { units: 1, hereRate: 1, rateAt: () => 1 };
  const rest = { app, function: "echo", arguments: { format: "json", body: "[]" }, deadline: 0 } as const;
  const { signal } = new AbortController();
  for (const id of ["1", "2", "3", "4"]) {
    decisions.add({ ...rest, signal, id }, { at: 0, peers: 1, bias: 1.25, step: stepOf("local", { here, work }) });
  }
  const found = ["1", "2", "3", "4"].map((id) => decisions.find(id)?.invocation);
  assert.deepEqual(found, [undefined, "2", "3", "4"]);
});
