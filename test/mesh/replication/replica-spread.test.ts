// How a record spreads where not every pair is linked, without periodic comparisons.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordReplica } from "../../../src/mesh/replication/replica.js";
import type { LinkSet } from "../../../src/mesh/transport/link-set.js";
import { nodeId } from "../../harness/virtual/member-mesh.js";
import { addressOf } from "../../harness/virtual/memory-network.js";
import { Facts, founder, record } from "../../harness/virtual/record-mesh.js";
import { Simulation } from "../../harness/virtual/simulation.js";

class Replicas {
  readonly #simulation = new Simulation(1);
  readonly time = this.#simulation.time;
  readonly facts: Facts[] = [];
  readonly replicas: RecordReplica[] = [];
  readonly #links: LinkSet[] = [];

  /** This number of nodes without links, which compare only when a link opens. */
  constructor(size: number) {
    for (let index = 0; index < size; index++) {
      const host = this.#simulation.host(nodeId(index), { identity: { nodeId: nodeId(index) } });
      const links = host.links();
      const facts = new Facts();
      const replica = new RecordReplica({
        links,
        stores: facts.stores,
        clock: this.time,
        timers: host.timers,
        random: host.random,
        digestIntervalMs: 1e9,
        idsIntervalMs: 1e9,
        yieldLoop: () => Promise.resolve(),
      });
      replica.start();
      void links.start();
      this.#links.push(links);
      this.facts.push(facts);
      this.replicas.push(replica);
    }
  }

  async link(one: number, other: number): Promise<void> {
    const opened = this.#links[one]?.dial(addressOf(nodeId(other)), new AbortController().signal);
    await Promise.all([opened, this.time.advance(50)]);
  }

  publish(index: number, kind: string, payload: { readonly node?: string; readonly text?: string }): Promise<void> {
    return this.replicas[index]?.publish(kind, record(founder, { kind, ...payload })) ?? Promise.resolve();
  }

  /** How many nodes hold a record of a kind. */
  holders(kind: string): number {
    return this.facts.filter(({ texts }) => texts.get(kind)?.size === 1).length;
  }
}

test("a hub passes urgent records on to all peers, other records to three", async () => {
  const mesh = new Replicas(12);
  for (let spoke = 1; spoke < 12; spoke++) await mesh.link(0, spoke);
  await mesh.publish(1, "fact", { text: "one" });
  await mesh.time.advance(500);
  assert.equal(mesh.holders("fact"), 5);
  await mesh.publish(1, "revocation", { node: nodeId(99) });
  await mesh.time.advance(500);
  assert.equal(mesh.holders("revocation"), 12);
});

test("records of a comparison make further peers compare: a late link reaches the whole line", async () => {
  const mesh = new Replicas(6);
  for (let index = 1; index < 5; index++) await mesh.link(index, index + 1);
  await mesh.publish(0, "fact", { text: "one" });
  await mesh.time.advance(500);
  assert.equal(mesh.holders("fact"), 1);
  await mesh.link(0, 1);
  await mesh.time.advance(500);
  assert.equal(mesh.holders("fact"), 6);
});

test("a record that waited for its signer is accepted and passed on as soon as the admission comes", async () => {
  const mesh = new Replicas(3);
  await mesh.link(0, 1);
  await mesh.link(1, 2);
  const stranger = nodeId(7);
  await mesh.replicas[0]?.publish("fact", record(stranger, { kind: "fact", text: "early" }));
  await mesh.time.advance(500);
  assert.equal(mesh.holders("fact"), 0);
  await mesh.publish(2, "admission", { node: stranger });
  await mesh.time.advance(500);
  assert.equal(mesh.holders("admission"), 3);
  assert.equal(mesh.facts[1]?.texts.get("fact")?.size, 1);
  assert.equal(mesh.facts[2]?.texts.get("fact")?.size, 1);
});
