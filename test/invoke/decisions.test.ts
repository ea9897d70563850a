// Why calls went where they went: what is kept of a decision, for which calls, and for how long.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Decisions, stepOf } from "../../src/invoke/decisions.js";
import { fakeMesh, pick } from "./fake-node.js";

test("a call that stays and one that goes away, each with what was known then", async () => {
  const { world, nodes } = await fakeMesh(2);
  const a = pick(nodes, 0);
  await world.settle(Promise.all([a.call("1", { invocation: "stays" }), a.call("2", { invocation: "goes" })]));
  const { decisions } = a.forwarding;
  const stays = decisions.find("stays");
  assert.deepEqual([stays?.app, stays?.revision, stays?.function, stays?.peers], ["app", "0123456789ab", "echo", 1]);
  assert.deepEqual(stays?.steps, [
    {
      way: "local",
      taken: undefined,
      here: { available: true, slots: 1, running: 0, queued: 0, runMs: undefined, expectedMs: 0 },
      peer: undefined,
    },
  ]);
  const [step, ...more] = decisions.find("goes")?.steps ?? [];
  assert.deepEqual([step?.way, step?.taken, more.length], ["peer", "answered", 0]);
  assert.equal(step?.here.running, 1);
  assert.ok((step?.here.expectedMs ?? 0) >= 10, `${step?.here.expectedMs} ms`);
  assert.deepEqual([step?.peer?.nodeId, step?.peer?.running, step?.peer?.inFlight], ["b", 0, 0], "as it was then");
  assert.ok((step?.peer?.expectedMs ?? 100) < 10, `${step?.peer?.expectedMs} ms`);
  assert.equal(pick(nodes, 1).forwarding.decisions.find("goes"), undefined, "the peer had nothing to choose");
});

test("each retry is a step: refused twice, then home", async () => {
  const { world, nodes } = await fakeMesh(3);
  const [a, b, c] = [pick(nodes, 0), pick(nodes, 1), pick(nodes, 2)];
  await world.settle(Promise.all([b.call("b"), c.call("c"), a.call("a1"), a.call("a2", { invocation: "redrawn" })]));
  const steps = a.forwarding.decisions.find("redrawn")?.steps ?? [];
  assert.deepEqual(
    steps.map(({ way, taken }) => [way, taken]),
    [
      ["peer", "refused"],
      ["peer", "refused"],
      ["home", undefined],
    ],
  );
  assert.notEqual(steps[0]?.peer?.nodeId, steps[1]?.peer?.nodeId);
});

test("a lost peer and a function that fails are told apart", async () => {
  const { world, nodes } = await fakeMesh(2);
  const a = pick(nodes, 0);
  const calls = [a.call("1"), a.call("2", { invocation: "lost" })];
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
  const trapped = other?.call("2", { invocation: "trapped", function: "trap" }).catch(() => "trapped");
  await again.world.settle(Promise.all([first, trapped]));
  assert.equal(other?.forwarding.decisions.find("trapped")?.steps[0]?.taken, "failed");
});

test("a node alone keeps nothing, nor does one for a call that was sent to a certain node", async () => {
  const alone = await fakeMesh(1);
  await alone.world.settle(pick(alone.nodes, 0).call("1", { invocation: "alone" }));
  assert.equal(pick(alone.nodes, 0).forwarding.decisions.find("alone"), undefined);
  const { world, nodes } = await fakeMesh(2);
  await world.settle(pick(nodes, 0).call("1", { invocation: "pinned", node: "b" }));
  assert.equal(pick(nodes, 0).forwarding.decisions.find("pinned"), undefined);
});

test("arguments too large to move, and a node that gives its calls away to nobody", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  await world.settle(a.call("x".repeat(4 * 1024 * 1024 + 1), { invocation: "large" }));
  assert.deepEqual(
    a.forwarding.decisions.find("large")?.steps.map(({ way }) => way),
    ["large"],
  );
  for (const node of [a, b]) node.load.setDraining(true);
  await world.advance(30);
  await world.settle(a.call("1", { invocation: "nowhere" }).catch(() => undefined));
  const [step] = a.forwarding.decisions.find("nowhere")?.steps ?? [];
  assert.deepEqual([step?.way, step?.here.expectedMs], ["none", null]);
});

test("the oldest decisions leave first", async () => {
  const { nodes } = await fakeMesh(1);
  const app = pick(nodes, 0).router.find("app");
  assert.ok(app);
  const decisions = new Decisions(3);
  const here = { available: true, lightUnits: 50, slots: 1, running: 0, queued: 0, runMs: undefined };
  const rest = { app, function: "echo", arguments: { format: "json", body: "[]" }, deadline: 0 } as const;
  const { signal } = new AbortController();
  for (const invocation of ["1", "2", "3", "4"]) {
    decisions.add({ ...rest, signal, invocation }, { at: 0, peers: 1, step: stepOf("local", here) });
  }
  const found = ["1", "2", "3", "4"].map((id) => decisions.find(id)?.invocation);
  assert.deepEqual(found, [undefined, "2", "3", "4"]);
});
