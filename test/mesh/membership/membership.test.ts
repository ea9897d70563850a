// Membership on a simulated network: which states nodes see, and how soon. Seeded: `HERD_SEEDS` seeds, or one by
// `HERD_SEED`.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeshNode } from "../../harness/virtual/member-mesh.js";
import { MemberMesh, nodeId } from "../../harness/virtual/member-mesh.js";
import { addressOf } from "../../harness/virtual/memory-network.js";
import { forSeeds, seeds } from "../../harness/virtual/virtual-time.js";

const few = seeds(12);

function others(nodes: readonly MeshNode[], node: MeshNode): MeshNode[] {
  return nodes.filter(({ id }) => id !== node.id);
}

/** Collects every state in which any node saw any other. */
function beliefs(nodes: readonly MeshNode[]): string[] {
  const seen: string[] = [];
  for (const node of nodes) node.members.watch(({ id, state }) => seen.push(`${node.id} ${state} ${id}`));
  return seen;
}

test("a mesh of ten settles within seconds, and no node is suspected while all are in contact", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(10);
    const seen = beliefs(nodes);
    await mesh.time.advance(30_000);
    assert.deepEqual(seen, []);
  });
});

test("a killed node of three is suspected within a probe and dead within six seconds", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(3);
    const [victim] = nodes as [MeshNode];
    const rest = others(nodes, victim);
    await mesh.time.advance(mesh.random() * 5_000);
    victim.kill();
    await mesh.until(() => rest.every((node) => node.stateOf(victim.id) === "suspect"), {
      ms: 1_500,
      what: "suspected",
    });
    await mesh.until(() => rest.every((node) => node.stateOf(victim.id) === "dead"), { ms: 4_500, what: "dead" });
  });
});

test("a node that falls silent is dead everywhere within a bound, and no other is", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(10);
    const victim = nodes[Math.floor(mesh.random() * 10)] as MeshNode;
    const rest = others(nodes, victim);
    const seen = beliefs(rest);
    victim.kill({ silently: true });
    await mesh.until(() => rest.every((node) => node.stateOf(victim.id) === "dead"), { ms: 20_000, what: "dead" });
    await mesh.time.advance(5_000);
    assert.deepEqual(
      seen.filter((line) => !line.endsWith(victim.id)),
      [],
    );
  });
});

test("broken links are dialled again, and no node is declared dead", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(6);
    const seen = beliefs(nodes);
    for (let round = 0; round < 30; round++) {
      const node = nodes[Math.floor(mesh.random() * 6)] as MeshNode;
      const peer = others(nodes, node)[Math.floor(mesh.random() * 5)] as MeshNode;
      node.break(peer.id);
      await mesh.time.advance(mesh.random() * 1_000);
    }
    await mesh.until(() => mesh.agreed(nodes), { ms: 15_000, what: "all linked again" });
    assert.deepEqual(
      seen.filter((line) => / dead /.test(line)),
      [],
    );
  });
});

test("a partition heals: within five seconds all see all alive", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(7);
    const cut = 1 + Math.floor(mesh.random() * 5);
    const [left, right] = [nodes.slice(0, cut), nodes.slice(cut)];
    mesh.simulation.partition([left.map(({ id }) => id), right.map(({ id }) => id)]);
    await mesh.time.advance(1_000 + mesh.random() * 60_000);
    mesh.simulation.partition([]);
    const alive = (node: MeshNode): boolean => others(nodes, node).every(({ id }) => node.stateOf(id) === "alive");
    await mesh.until(() => nodes.every(alive), { ms: 5_000, what: "all alive" });
    await mesh.until(() => mesh.agreed(nodes), { ms: 15_000, what: "all linked" });
  });
});

test("a restarted node supersedes its former process, though its seed is gone", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(5);
    const first = nodes[0] as MeshNode;
    const second = nodes[1] as MeshNode;
    await mesh.time.advance(5_000);
    const before = nodes[2]?.members.get(second.id)?.incarnation ?? 0;
    second.kill();
    await mesh.time.advance(mesh.random() * 10_000);
    first.kill();
    const again = mesh.add(1, { seeds: [addressOf(first.id)], remembered: second.remembered });
    const present = [again, ...nodes.slice(2)];
    const newer = (node: MeshNode): boolean => (node.members.get(second.id)?.incarnation ?? 0) > before;
    await mesh.until(() => mesh.agreed(present) && nodes.slice(2).every(newer), { ms: 5_000, what: "back" });
  });
});

test("a node that left and returns without known addresses is found by a node without links", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    // The first node has no seed that would lead it back.
    const [first, second] = (await mesh.grow(2)) as [MeshNode, MeshNode];
    void second.members.leave();
    await mesh.until(() => first.stateOf(second.id) === "left", { ms: 1_000, what: "left" });
    second.kill();
    await mesh.time.advance(mesh.random() * 10_000);
    const again = mesh.add(1);
    await mesh.until(() => mesh.agreed([first, again]), { ms: 5_000, what: "found" });
  });
});

test("a node that can only dial out is alive everywhere, also at another such node", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(6, { dialable: 4 });
    const seen = beliefs(nodes);
    await mesh.time.advance(20_000);
    assert.deepEqual(seen, []);
    assert.equal(nodes[4]?.links.get(nodeId(5)), undefined);
    assert.equal(nodes[4]?.members.get(nodeId(5))?.address, undefined);
  });
});

test("a stopped process is declared dead; when it continues, it refutes and all see it alive", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(5);
    const sleeper = nodes[2] as MeshNode;
    const rest = others(nodes, sleeper);
    mesh.simulation.stop(sleeper.id);
    await mesh.until(() => rest.every((node) => node.stateOf(sleeper.id) === "dead"), { ms: 30_000, what: "dead" });
    await mesh.time.advance(mesh.random() * 30_000);
    mesh.simulation.resume(sleeper.id);
    await mesh.until(() => mesh.agreed(nodes), { ms: 10_000, what: "alive again" });
  });
});

test("draining, asleep and left are announced by the node itself, and reach all within a second", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(8);
    const [one] = nodes as [MeshNode];
    for (const state of ["draining", "asleep", "alive"] as const) {
      one.members.setState(state);
      assert.equal(one.members.self.state, state);
      await mesh.until(() => others(nodes, one).every((node) => node.stateOf(one.id) === state), {
        ms: 1_000,
        what: state,
      });
      await mesh.time.advance(3_000);
      assert.ok(
        others(nodes, one).every((node) => node.stateOf(one.id) === state),
        `${state} to all others`,
      );
    }
    void one.members.leave();
    await mesh.until(() => others(nodes, one).every((node) => node.stateOf(one.id) === "left"), {
      ms: 1_000,
      what: "left",
    });
    one.kill();
    await mesh.time.advance(10_000);
    assert.ok(
      others(nodes, one).every((node) => node.stateOf(one.id) === "left"),
      "left to all others",
    );
  });
});

test("a revoked node is a member nowhere, and gossip does not bring it back", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(5);
    const bad = nodes[3] as MeshNode;
    const rest = others(nodes, bad);
    mesh.revoked.add(bad.id);
    rest[0]?.members.revoked(bad.id);
    await mesh.until(() => rest.every((node) => node.stateOf(bad.id) === "unknown"), { ms: 2_500, what: "gone" });
    await mesh.time.advance(10_000);
    assert.ok(
      rest.every((node) => node.stateOf(bad.id) === "unknown"),
      `${rest.map((node) => node.stateOf(bad.id))}`,
    );
  });
});

test("a node whose admission comes late is a member as soon as the admission came", async () => {
  const mesh = new MemberMesh(1);
  const nodes = await mesh.grow(3);
  const late = mesh.add(9, { seeds: [addressOf(nodes[0]?.id ?? "")] });
  mesh.admitted.delete(late.id);
  await mesh.time.advance(5_000);
  assert.ok(
    nodes.every((node) => node.stateOf(late.id) === "unknown"),
    `${nodes.map((node) => node.stateOf(late.id))}`,
  );
  mesh.admitted.add(late.id);
  await mesh.until(() => mesh.agreed([...nodes, late]), { ms: 2_000, what: "a member" });
});
