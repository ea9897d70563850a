// Membership and records over the product's own links, on a simulated network. Seeded: `HERD_SEEDS` seeds, or one by
// `HERD_SEED`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../src/core/errors.js";
import { Membership } from "../../src/mesh/membership/members.js";
import type { MemberState } from "../../src/mesh/ports.js";
import { RecordReplica } from "../../src/mesh/replication/replica.js";
import type { LinkSet } from "../../src/mesh/transport/link-set.js";
import { fakeSigner, fakeVerify } from "../harness/virtual/member-mesh.js";
import { addressOf } from "../harness/virtual/memory-network.js";
import { Facts, founder, record } from "../harness/virtual/record-mesh.js";
import { eachSeed, type Simulation, simulatedId } from "../harness/virtual/simulation.js";

const seedName = "n0";

/** One process of a node: links, membership and records, wired as in the product. */
class WholeNode {
  readonly id: string;
  readonly links: LinkSet;
  readonly members: Membership;
  readonly replica: RecordReplica;
  readonly facts: Facts;

  constructor(simulation: Simulation, name: string, { isHidden = false, facts = new Facts() } = {}) {
    const host = simulation.host(name, { isHidden });
    const { id, clock, timers, random } = host;
    this.id = id;
    this.facts = facts;
    this.links = host.links({
      trust: {
        check: (peer) => {
          if (facts.revoked.has(peer.nodeId)) throw new HerdError("auth.invalid", "revoked");
        },
      },
    });
    const links = this.links;
    this.members = new Membership({
      mesh: "0".repeat(32),
      signer: fakeSigner(id),
      links,
      clock,
      timers,
      random,
      address: host.address,
      url: `https://${name}:8443`,
      trust: {
        known: (node) => facts.admitted.has(node),
        isRevoked: (node) => facts.revoked.has(node),
        verify: (signed) => facts.admitted.has(signed.signer) && fakeVerify(signed),
      },
      seeds: () => (name === seedName ? [] : [addressOf(simulatedId(seedName))]),
    });
    this.replica = new RecordReplica({
      links,
      stores: facts.stores,
      clock,
      timers,
      random,
      yieldLoop: () => Promise.resolve(),
      dialable: (node) => this.members.get(node)?.address !== undefined,
    });
    facts.onRevoked = (node) => this.members.revoked(node);
    this.members.start();
    this.replica.start();
    void links.start();
  }

  stateOf(node: WholeNode): MemberState | undefined {
    return this.members.get(node.id)?.state;
  }
}

/** A mesh of named nodes that see each other; the last `hidden` nodes cannot be dialled. */
async function grow(simulation: Simulation, size: number, { hidden = 0 } = {}): Promise<Map<string, WholeNode>> {
  const nodes = new Map<string, WholeNode>();
  for (let index = 0; index < size; index++) {
    const name = `n${index}`;
    const node = new WholeNode(simulation, name, { isHidden: index >= size - hidden });
    nodes.set(name, node);
    await nodes.get(seedName)?.replica.publish("admission", record(founder, { kind: "admission", node: node.id }));
  }
  // A node receives admissions, its own included, over links: the records of a hello are not simulated here.
  assert.ok(await simulation.until(() => settled(nodes), 20_000), "the mesh settles");
  return nodes;
}

/** Whether each node sees all others alive, and all hold the same records. */
function settled(nodes: ReadonlyMap<string, WholeNode>): boolean {
  const all = [...nodes.values()];
  const ids = all.map(({ facts }) => facts.all().join());
  return ids.every((own) => own === ids[0]) && all.every((node) => sees(node, "alive", all));
}

function sees(node: WholeNode, state: MemberState, nodes: readonly WholeNode[]): boolean {
  return nodes.every((other) => other === node || node.stateOf(other) === state);
}

test("a killed node is dead everywhere within seconds; restarted, it is alive and has all records", async (t) => {
  await eachSeed(t, { count: 5 }, async (simulation) => {
    const nodes = await grow(simulation, 6, { hidden: 2 });
    const name = `n${1 + Math.floor(simulation.random() * 5)}`;
    const victim = nodes.get(name) as WholeNode;
    nodes.delete(name);
    simulation.kill(name);
    const rest = [...nodes.values()];
    assert.ok(await simulation.until(() => rest.every((node) => node.stateOf(victim) === "dead"), 8_000), "dead");
    await rest[1]?.replica.publish("fact", record(rest[1].id, { kind: "fact", text: "meanwhile" }));
    nodes.set(name, new WholeNode(simulation, name, { facts: victim.facts, isHidden: Number(name.slice(1)) >= 4 }));
    assert.ok(await simulation.until(() => settled(nodes), 5_000), "back");
    assert.equal(victim.facts.texts.get("fact")?.size, 1);
  });
});

test("a partition heals: five seconds later all see each other alive, with the records of both sides", async (t) => {
  await eachSeed(t, { count: 5 }, async (simulation) => {
    const nodes = await grow(simulation, 6);
    const all = [...nodes.values()];
    const names = [...nodes.keys()];
    const cut = 1 + Math.floor(simulation.random() * 4);
    simulation.partition([names.slice(0, cut), names.slice(cut)]);
    for (let count = 0; count < 10; count++) {
      const author = all[Math.floor(simulation.random() * all.length)] as WholeNode;
      await author.replica.publish("fact", record(author.id, { kind: "fact", text: `${count}` }));
      await simulation.run(simulation.random() * 4_000);
    }
    simulation.partition([]);
    assert.ok(await simulation.until(() => settled(nodes), 5_000), "healed");
    assert.equal(all[0]?.facts.texts.get("fact")?.size, 10);
  });
});

test("a revoked node is no member and has no link anywhere within two seconds", async (t) => {
  await eachSeed(t, { count: 5 }, async (simulation) => {
    const nodes = await grow(simulation, 6);
    const [first, bad, ...rest] = [...nodes.values()] as [WholeNode, WholeNode, ...WholeNode[]];
    await first.replica.publish("revocation", record(founder, { kind: "revocation", node: bad.id }));
    const gone = ({ members, links }: WholeNode): boolean =>
      members.get(bad.id) === undefined && links.get(bad.id) === undefined;
    assert.ok(await simulation.until(() => [first, ...rest].every(gone), 2_000), "out");
    await simulation.run(10_000);
    assert.ok(
      [first, ...rest].every(({ members }) => members.get(bad.id) === undefined),
      "the revoked node is a member again",
    );
  });
});
