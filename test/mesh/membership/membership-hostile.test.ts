// Membership with a lying member, and on a node that is itself in trouble.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeSigned } from "../../../src/core/signed.js";
import { announcementPayload } from "../../../src/mesh/membership/member-messages.js";
import { fakeSigner, MemberMesh, type MeshNode, nodeId } from "../../harness/virtual/member-mesh.js";
import { addressOf } from "../../harness/virtual/memory-network.js";
import { forSeeds, seeds } from "../../harness/virtual/virtual-time.js";

const few = seeds(8);

function announcement(node: string, { by, address }: { readonly by: string; readonly address: string }): string {
  const content = { node, incarnation: 2 ** 49, state: "left" as const, address, url: "https://elsewhere:1" };
  return encodeSigned({ ...fakeSigner(by).sign(announcementPayload("0".repeat(32), content)), signer: node });
}

test("a member that floods with lies changes no address and kills no node: the accused refute", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(6);
    const [liar, ...rest] = nodes as [MeshNode, ...MeshNode[]];
    const found: string[] = [];
    for (const node of rest) {
      node.members.watch(({ id, state, address }) => {
        if (id === liar.id) return;
        if (state === "dead" || state === "left" || address !== addressOf(id)) found.push(`${id} ${state} ${address}`);
      });
    }
    for (let round = 0; round < 100; round++) {
      for (const { id } of rest) {
        const victim = rest[Math.floor(mesh.random() * rest.length)] as MeshNode;
        const incarnation = victim.members.self.incarnation;
        const moved = announcement(victim.id, { by: liar.id, address: "elsewhere:1" });
        liar.links
          .get(id)
          ?.notify("members", [
            ["dead", victim.id, incarnation, liar.id],
            ["dead", victim.id, incarnation + 1, liar.id],
            ["suspect", victim.id, incarnation, nodeId(4_000 + round)],
            ...rest.map((other) => ["suspect", victim.id, incarnation, other.id]),
            ["announce", moved],
            ["announce", announcement(nodeId(77), { by: liar.id, address: "elsewhere:1" })],
          ]);
      }
      await mesh.time.advance(100);
    }
    assert.deepEqual(found, []);
    const calm = (node: MeshNode): boolean => rest.every(({ id }) => id === node.id || node.stateOf(id) === "alive");
    await mesh.until(() => rest.every(calm), { ms: 5_000, what: "all alive again" });
    assert.ok(
      rest.every((node) => node.stateOf(nodeId(77)) === "unknown"),
      `${rest.map((node) => node.stateOf(nodeId(77)))}`,
    );
    // Refutations took incarnations, but at a bounded rate.
    const start = mesh.time.now() - mesh.time.monotonic();
    for (const { members } of rest)
      assert.ok(members.self.incarnation - start < 100_000, `${members.self.incarnation - start}`);
  });
});

test("garbage in every message of membership changes nothing and breaks nothing", async () => {
  const mesh = new MemberMesh(1);
  const nodes = await mesh.grow(4);
  const [bad, victim] = nodes as [MeshNode, MeshNode];
  const link = bad.links.get(victim.id);
  const id = nodeId(2);
  const junk = [["announce"], ["announce", 5], ["suspect", id], ["dead", id, "1", id], ["suspect", 1, 1, 1], null, 7];
  const bodies = [
    null,
    3,
    "x",
    {},
    [],
    [1, 2],
    [1, junk],
    junk,
    ["", "~", junk],
    ["", 3, []],
    Array(2_000).fill(["x"]),
  ];
  for (const body of bodies) {
    link?.notify("members", body);
    for (const kind of ["ping", "ping-req", "members-sync"]) {
      const answer = link
        ?.request(kind, body, { timeoutMs: 1_000 })
        .catch((error) => assert.notEqual(error.code, "internal"));
      await Promise.all([answer, mesh.time.advance(50)]);
    }
  }
  await mesh.time.advance(5_000);
  assert.ok(mesh.agreed(nodes), "the nodes do not agree");
});

test("a node that receives nothing raises its health score: its probes slow down, and it recovers", async () => {
  const mesh = new MemberMesh(3);
  const nodes = await mesh.grow(8);
  const [deaf, ...rest] = nodes as [MeshNode, ...MeshNode[]];
  mesh.simulation.partition([[deaf.id], rest.map(({ id }) => id)]);
  await mesh.time.advance(4_000);
  assert.ok(deaf.members.healthScore >= 2, `score ${deaf.members.healthScore}`);
  assert.ok(
    rest.every(({ members }) => members.healthScore === 0),
    `${rest.map(({ members }) => members.healthScore)}`,
  );
  mesh.simulation.partition([]);
  await mesh.until(() => mesh.agreed(nodes) && deaf.members.healthScore === 0, { ms: 60_000, what: "healthy" });
});

test("a node whose event loop is delayed accuses no member until the loop runs freely again", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(2);
    const [slow, silent] = nodes as [MeshNode, MeshNode];
    slow.loopDelayMs = 900;
    silent.kill({ silently: true });
    await mesh.time.advance(10_000);
    assert.equal(slow.stateOf(silent.id), "alive");
    assert.ok(slow.members.healthScore > 0, `${slow.members.healthScore}`);
    slow.loopDelayMs = 0;
    await mesh.until(() => slow.stateOf(silent.id) === "suspect", { ms: 20_000, what: "suspected" });
  });
});

test("a node that lost all links reconnects through a master that it never met", async () => {
  await forSeeds(few, async (seed) => {
    const mesh = new MemberMesh(seed);
    const nodes = await mesh.grow(3);
    const master = nodes[2] as MeshNode;
    const late = mesh.add(20, { masters: [{ id: master.id, address: addressOf(master.id) }] });
    await mesh.until(() => mesh.agreed([...nodes, late]), { ms: 5_000, what: "found" });
  });
});
