// Two processes with one identity at one peer, over thousands of orders of events; and restarts under faults, which are
// no duplicates.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type LivenessRequest,
  livenessKind,
  type ProcessInstance,
} from "../../../src/mesh/transport/duplicate-process-detector.js";
import type { LinkSet } from "../../../src/mesh/transport/link-set.js";
import { eachSeed, type Simulation, simulatedId } from "../../harness/virtual/simulation.js";

const a = simulatedId("a");
const p = simulatedId("p");

interface Process {
  readonly self: ProcessInstance;
  readonly links: LinkSet;
  /** Instances whose proof this process received. */
  readonly proved: Set<string>;
}

/** A process of a node; a proof is the payload of a signature. `found` receives the pairs that this node finds. */
async function start(
  simulation: Simulation,
  name: string,
  options: { node: string; started?: number; found?: (kept: string, refused: string) => void },
): Promise<Process> {
  const { node, started = simulation.time.now(), found = () => undefined } = options;
  const host = simulation.host(name, { identity: { nodeId: node } });
  const instance = Math.floor(simulation.random() * 2 ** 48)
    .toString(16)
    .padStart(16, "0");
  const self = { instance, started, address: `${name}:1` };
  const readProof = (text: string, expected: { node: string; saw: string }): ProcessInstance | undefined => {
    const content = JSON.parse(text) as { node: string; saw: string; self: ProcessInstance };
    return content.node === expected.node && content.saw === expected.saw ? content.self : undefined;
  };
  const links = host.links({
    instance,
    started,
    duplicates: { readProof, found: (_, [kept, refused]) => found(kept.instance, refused.instance) },
  });
  const proved = new Set<string>();
  links.handle(livenessKind, (body) => {
    const { instance: saw, proof } = body as LivenessRequest;
    const rival = proof === null ? undefined : readProof(proof, { node, saw: instance });
    if (rival !== undefined) proved.add(rival.instance);
    return JSON.stringify({ node, saw, self });
  });
  await links.start();
  if (node !== p) links.want(p, `n-${p}:1`);
  return { self, links, proved };
}

test("duplicate processes are found, each receives the proof of the other, and the later one is kept", async (t) => {
  await eachSeed(t, { count: 200 }, async (simulation) => {
    const pairs: string[] = [];
    const peer = await start(simulation, "p", {
      node: p,
      found: (kept, refused) => pairs.push(`${kept} ${refused}`),
    });
    const started = simulation.time.now();
    const first = await start(simulation, "a", { node: a, started });
    await simulation.run(simulation.random() * 100);
    // The clock of the second process may be behind: the order of the links is not that of the times.
    const later = simulation.random() < 0.5;
    const second = await start(simulation, "a2", { node: a, started: later ? started + 1 : started - 1 });
    const [kept, refused] = later ? [second, first] : [first, second];
    await simulation.run(30_000);
    assert.ok(
      pairs.length > 0 && pairs.every((pair) => pair === `${kept.self.instance} ${refused.self.instance}`),
      pairs.join("; "),
    );
    assert.ok(
      first.proved.has(second.self.instance) && second.proved.has(first.self.instance),
      "both received the proof",
    );
    assert.equal(peer.links.all().length, 1);
    assert.equal(kept.links.all().length, 1, "the later one has its link");
    const answer = JSON.parse(
      String(
        await simulation.settle(
          peer.links.get(a)?.request(livenessKind, { instance: "0".repeat(16), proof: null }, { timeoutMs: 5_000 }) ??
            assert.fail(),
        ),
      ),
    ) as { self: ProcessInstance };
    assert.equal(answer.self.instance, kept.self.instance, "and the peer sends it requests");
  });
});

test("a restart is no duplicate: after a crash, a power cut, a broken network, or with a clock set back", async (t) => {
  await eachSeed(t, { count: 200 }, async (simulation) => {
    const { random } = simulation;
    const none = (): void => assert.fail("a restart was taken for a second node");
    const peer = await start(simulation, "p", { node: p, found: none });
    let node = await start(simulation, "a", { node: a, found: none });
    for (let times = 0; times < 5; times++) {
      await simulation.run(random() * 3_000);
      if (random() < 0.3) simulation.break("a", "p");
      if (random() < 0.3) simulation.slow([1, 200]);
      await simulation.run(random() * 500);
      // Half of the time the peer notices nothing, as when a machine loses power.
      simulation.kill("a", random() < 0.5);
      await simulation.run(random() * 2_000);
      const setBack = random() < 0.5 ? 3_600_000 : 0;
      node = await start(simulation, "a", { node: a, started: simulation.time.now() - setBack, found: none });
    }
    simulation.slow([0.2, 5]);
    assert.ok(
      await simulation.until(() => peer.links.get(a) !== undefined && node.links.all().length === 1, 60_000),
      "both are linked",
    );
    await simulation.run(30_000);
    assert.equal(node.proved.size, 0);
    assert.equal(peer.links.all().length, 1);
  });
});
