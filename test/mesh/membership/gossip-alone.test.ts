// Updates about members by gossip rounds alone: no probes, no periodic comparisons, and no links but those of a ring.
// Seeded.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Membership } from "../../../src/mesh/membership/members.js";
import { fakeSigner, fakeVerify, nodeId } from "../../harness/virtual/member-mesh.js";
import { addressOf } from "../../harness/virtual/memory-network.js";
import { Simulation } from "../../harness/virtual/simulation.js";
import { forSeeds, seeds, type VirtualTime } from "../../harness/virtual/virtual-time.js";

const never = 1e9;
const size = 12;

/** Members without known addresses, so that the ring has no other links. */
async function ring(seed: number, gossipIntervalMs: number): Promise<{ time: VirtualTime; members: Membership[] }> {
  const simulation = new Simulation(seed);
  const { time } = simulation;
  const hosts = Array.from({ length: size }, (_, index) => {
    const id = nodeId(index);
    return simulation.host(id, { identity: { nodeId: id } });
  });
  const links = hosts.map((host) => host.links());
  const members = hosts.map((host, index) => {
    const own = links[index] ?? assert.fail();
    const made = new Membership({
      mesh: "0".repeat(32),
      signer: fakeSigner(host.id),
      links: own,
      clock: time,
      timers: host.timers,
      random: host.random,
      address: undefined,
      url: `https://${host.id}:8443`,
      trust: { known: () => true, isRevoked: () => false, verify: fakeVerify },
      config: { gossipIntervalMs, probeIntervalMs: never, pushPullIntervalMs: never, reconnectIntervalMs: never },
    });
    made.start();
    void own.start();
    return made;
  });
  for (const [index, own] of links.entries()) {
    const opened = own.dial(addressOf(nodeId((index + 1) % size)), new AbortController().signal);
    await Promise.all([opened, time.advance(50)]);
  }
  return { time, members };
}

const receivers = (members: readonly Membership[]): number =>
  members.slice(1).filter((each) => each.get(nodeId(0))?.state === "draining").length;

test("gossip rounds bring a node's announcement to every node of a ring within seconds", async () => {
  await forSeeds(seeds(20), async (seed) => {
    const { time, members } = await ring(seed, 200);
    await time.advance(2_000);
    members[0]?.setState("draining");
    await time.until(() => receivers(members) === size - 1, { ms: 6_000, what: "every member received it" });
  });
});

test("without gossip rounds only the directly linked nodes receive it", async () => {
  const { time, members } = await ring(1, never);
  await time.advance(2_000);
  members[0]?.setState("draining");
  await time.advance(10_000);
  assert.equal(receivers(members), 2);
});
