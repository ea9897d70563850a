// Records reach every node of a simulated network with delays, breaks and partitions. Seeded: `HERD_SEEDS` seeds, or
// one by `HERD_SEED`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../../src/core/errors.js";
import { MemberMesh, nodeId } from "../../harness/virtual/member-mesh.js";
import { addressOf } from "../../harness/virtual/memory-network.js";
import { founder, RecordNode, record } from "../../harness/virtual/record-mesh.js";
import { forSeeds, seeds } from "../../harness/virtual/virtual-time.js";

const few = seeds(12);

/** A settled mesh in which every node is admitted by a record. */
async function growRecords(seed: number, size: number, { dialable = size } = {}): Promise<[MemberMesh, RecordNode[]]> {
  const mesh = new MemberMesh(seed);
  const nodes = (await mesh.grow(size, { dialable })).map((node) => new RecordNode(mesh, node));
  for (const { id } of nodes) await nodes[0]?.publish("admission", { node: id }, { as: founder });
  await mesh.until(() => same(nodes), { ms: 5_000, what: "all are admitted" });
  return [mesh, nodes];
}

function same(nodes: readonly RecordNode[]): boolean {
  const [first, ...rest] = nodes.map(({ facts }) => facts.all().join());
  return rest.every((ids) => ids === first);
}

function pick<Element>(mesh: MemberMesh, from: readonly Element[]): Element {
  return from[Math.floor(mesh.random() * from.length)] as Element;
}

test("a record is everywhere within a second, also where only some can dial", async () => {
  await forSeeds(few, async (seed) => {
    const [mesh, nodes] = await growRecords(seed, 10, { dialable: 5 });
    const author = pick(mesh, nodes);
    await author.publish("fact", { text: "one" });
    await mesh.until(() => same(nodes), { ms: 1_000, what: "everywhere" });
    assert.equal(nodes[0]?.facts.texts.get("fact")?.size, 1);
  });
});

test("records published during breaks, partitions and restarts are everywhere five seconds later", async () => {
  await forSeeds(few, async (seed) => {
    const [mesh, nodes] = await growRecords(seed, 7, { dialable: 5 });
    let published = 0;
    for (let round = 0; round < 12; round++) {
      const what = mesh.random();
      const index = Math.floor(mesh.random() * 7);
      const one = nodes[index] as RecordNode;
      if (what < 0.3) one.node.break(pick(mesh, nodes).id);
      else if (what < 0.5) {
        const left = nodes.filter(() => mesh.random() < 0.5).map(({ id }) => id);
        mesh.simulation.partition([left, nodes.map(({ id }) => id).filter((id) => !left.includes(id))]);
      } else if (what < 0.65) mesh.simulation.partition([]);
      else if (what < 0.75 && index > 0) {
        one.kill();
        const node = mesh.add(index, { dialable: index < 5, seeds: [addressOf(nodeId(0))] });
        nodes[index] = new RecordNode(mesh, node, { facts: one.facts });
      }
      await (nodes[index] as RecordNode).publish("fact", { text: `${round}` });
      published += 1;
      await mesh.time.advance(mesh.random() * 6_000);
    }
    mesh.simulation.partition([]);
    await mesh.until(() => same(nodes), { ms: 5_000, what: "everywhere" });
    assert.equal(nodes[0]?.facts.texts.get("fact")?.size, published);
  });
});

test("a revocation is at all ten nodes within two seconds, with delays up to 100 ms and broken links", async () => {
  await forSeeds(few, async (seed) => {
    const [mesh, nodes] = await growRecords(seed, 10);
    mesh.simulation.slow([1, 100]);
    for (let count = 0; count < 8; count++) pick(mesh, nodes).node.break(pick(mesh, nodes).id);
    const bad = pick(mesh, nodes);
    await pick(mesh, nodes).publish("revocation", { node: bad.id }, { as: founder });
    await mesh.until(() => nodes.every(({ facts }) => facts.revoked.has(bad.id)), { ms: 2_000, what: "known to all" });
  });
});

test("a late node has a thousand records within five seconds", async () => {
  await forSeeds(few.slice(0, Math.ceil(few.length / 12)), async (seed) => {
    const [mesh, nodes] = await growRecords(seed, 4);
    for (let count = 0; count < 1_000; count++) await pick(mesh, nodes).publish("fact", { text: `${count}` });
    await mesh.until(() => same(nodes), { ms: 5_000, what: "everywhere" });
    const late = new RecordNode(mesh, mesh.add(50, { seeds: [addressOf(nodes[0]?.id ?? "")] }));
    await mesh.until(() => same([...nodes, late]), { ms: 5_000, what: "at the late node" });
    assert.equal(late.facts.texts.get("fact")?.size, 1_000);
  });
});

test("a record waits for the admission of its signer, and is then accepted", async () => {
  const [mesh, nodes] = await growRecords(1, 3);
  const [one, two] = nodes as [RecordNode, RecordNode];
  const stranger = nodeId(77);
  const link = one.node.links.get(two.id);
  link?.notify("record", ["fact", record(stranger, { kind: "fact", text: "early" })]);
  await mesh.time.advance(500);
  assert.ok(two.replica.counts.waiting > 0, `${two.replica.counts.waiting}`);
  assert.equal(two.facts.texts.get("fact")?.size, 0);
  await one.publish("admission", { node: stranger }, { as: founder });
  await mesh.until(() => nodes.every(({ facts }) => facts.texts.get("fact")?.size === 1), {
    ms: 5_000,
    what: "everywhere",
  });
});

test("publishing a record that the own store refuses throws, and sends nothing", async () => {
  const [mesh, nodes] = await growRecords(1, 2);
  const [one] = nodes as [RecordNode];
  const forged = one.publish("admission", { node: nodeId(5) });
  await assert.rejects(forged, (error) => error instanceof HerdError && error.code === "auth.invalid");
  const messages = mesh.simulation.world.frames;
  await mesh.time.advance(20);
  assert.ok(mesh.simulation.world.frames - messages < 10, `${mesh.simulation.world.frames - messages}`);
  await assert.rejects(one.publish("nonsense", {}), TypeError);
});

test("a peer that floods with forged records costs few verifications, and other peers' records pass", async () => {
  const [mesh, nodes] = await growRecords(1, 4);
  const [bad, good, victim] = nodes as [RecordNode, RecordNode, RecordNode];
  const before = victim.facts.verified;
  const link = bad.node.links.get(victim.id);
  for (let count = 0; count < 20_000; count++) {
    const text = record(good.id, { kind: "fact", text: `forged ${count}` }).replace(
      /"signature":"..../,
      '"signature":"AAAA',
    );
    link?.notify("record", ["fact", text]);
    if (count % 2_000 === 0) await mesh.time.advance(100);
  }
  await mesh.time.advance(1_000);
  assert.ok(victim.facts.verified - before <= 300, `${victim.facts.verified - before} verifications`);
  await good.publish("fact", { text: "genuine" });
  await mesh.until(() => victim.facts.texts.get("fact")?.size === 1, { ms: 1_000, what: "at the victim" });
});

test("garbage in every message of the replica changes nothing and throws nowhere", async () => {
  const [mesh, nodes] = await growRecords(1, 3);
  const [bad, victim] = nodes as [RecordNode, RecordNode];
  const before = victim.facts.all();
  const bodies = [null, 1, "x", {}, [], [1], ["fact"], ["fact", 1], ["fact", "{}"], ["fact", "x".repeat(70_000)]];
  const more = [["fact", ["zz"]], ["fact", [null]], [["fact", -1, 5]], ["fact", Array(600).fill("a".repeat(64))]];
  for (const body of [...bodies, ...more]) {
    bad.node.links.get(victim.id)?.notify("record", body);
    for (const kind of ["record-digests", "record-ids", "records"]) {
      const answer = bad.node.links.get(victim.id)?.request(kind, body, { timeoutMs: 1_000 });
      await Promise.all([answer?.catch((error) => assert.notEqual(error.code, "internal")), mesh.time.advance(50)]);
    }
  }
  assert.deepEqual(victim.facts.all(), before);
});
