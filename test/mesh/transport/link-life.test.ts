// Links under faults: breaks, partitions, restarts, revocations and renewals, over thousands of seeds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LinkBroken } from "../../../src/mesh/ports.js";
import type { LinkSet } from "../../../src/mesh/transport/link-set.js";
import { eachSeed, Simulation, simulatedId } from "../../harness/virtual/simulation.js";

/** A node that notifies each peer once per link, as parts do that keep state per link. */
interface Node {
  readonly name: string;
  readonly links: LinkSet;
  /** By peer: its notifications since the link opened. */
  readonly received: Map<string, number>;
  /** By peer: whether a link is open, as the watchers were called. */
  readonly open: Set<string>;
}

async function start(
  simulation: Simulation,
  name: string,
  others: readonly string[],
  isHidden: boolean,
): Promise<Node> {
  const host = simulation.host(name, { isHidden });
  const links = host.links();
  const node: Node = { name, links, received: new Map(), open: new Set() };
  links.handle("echo", (body) => body);
  links.handle("state", (_, { peer }) => {
    node.received.set(peer.nodeId, (node.received.get(peer.nodeId) ?? 0) + 1);
  });
  links.watch({
    opened: (link) => {
      assert.ok(!node.open.has(link.peer.nodeId), "opened twice");
      node.open.add(link.peer.nodeId);
      link.notify("state", null);
    },
    ended: (link) => {
      assert.ok(node.open.delete(link.peer.nodeId), "ended twice");
      node.received.delete(link.peer.nodeId);
    },
  });
  await links.start();
  for (const other of others) if (other !== name) links.want(simulatedId(other), `n-${simulatedId(other)}:1`);
  return node;
}

test("after any breaks, partitions and restarts, every pair has one link with a notification each way", async (t) => {
  await eachSeed(t, { count: 40 }, async (simulation) => {
    const { random } = simulation;
    const names = ["a", "b", "c", "d"];
    const hidden = random() < 0.3 ? "d" : undefined;
    const nodes = new Map<string, Node>();
    const up = async (name: string): Promise<void> => {
      nodes.set(name, await start(simulation, name, names, name === hidden));
    };
    for (const name of names) await up(name);
    const pick = (): string => names[Math.floor(random() * names.length)] as string;
    for (let step = 0; step < 12; step++) {
      const [one, other] = [pick(), pick()];
      const dice = random();
      if (dice < 0.3) simulation.break(one, other);
      else if (dice < 0.45) simulation.partition([[one], names.filter((name) => name !== one)]);
      else if (dice < 0.6) simulation.partition([]);
      else if (dice < 0.75) nodes.get(one)?.links.cut(simulatedId(other), "a test");
      else if (dice < 0.85) simulation.slow([1, 200]);
      else {
        simulation.kill(one, random() < 0.5);
        await simulation.run(random() * 3_000);
        await up(one);
      }
      await simulation.run(random() < 0.5 ? random() * 50 : random() * 8_000);
    }
    simulation.partition([]);
    simulation.slow([0.2, 5]);
    await simulation.run(90_000);
    for (const node of nodes.values()) {
      for (const name of names) {
        if (name === node.name) continue;
        const id = simulatedId(name);
        const what = `${node.name} to ${name}`;
        const link = node.links.get(id);
        assert.ok(link !== undefined && node.open.has(id), `${what}: no link`);
        assert.equal(await simulation.settle(link.request("echo", what, { timeoutMs: 5_000 })), what);
        assert.ok((node.received.get(id) ?? 0) >= 1, `${what}: received nothing since it opened`);
        const ends = [...simulation.world.endsOf(simulatedId(node.name))].filter(({ peer }) => peer.nodeId === id);
        assert.equal(ends.length, 1, `${what}: ${ends.length} connections`);
      }
    }
  });
});

test("a revoked node loses its links at the next frame, and gets none again", async () => {
  const simulation = new Simulation(5);
  const [a, b] = [await start(simulation, "a", ["b"], false), await start(simulation, "b", ["a"], false)];
  assert.ok(
    await simulation.until(() => a.links.all().length === 1 && b.links.all().length === 1, 5_000),
    "both are linked",
  );
  const link = b.links.get(simulatedId("a"));
  simulation.revoked.add(simulatedId("b"));
  await assert.rejects(simulation.settle(link?.request("echo", 1, { timeoutMs: 1_000 }) ?? assert.fail()), LinkBroken);
  assert.equal(a.links.get(simulatedId("b")), undefined);
  await simulation.run(60_000);
  assert.equal(a.links.all().length + b.links.all().length, 0);
});

test("a cut link fails its requests at once on both sides, and is dialled again while it is wanted", async () => {
  const simulation = new Simulation(6);
  const [a, b] = [await start(simulation, "a", ["b"], false), await start(simulation, "b", [], false)];
  b.links.handle("never", () => new Promise(() => undefined));
  assert.ok(
    await simulation.until(() => a.links.all().length === 1 && b.links.all().length === 1, 5_000),
    "both are linked",
  );
  const pending = a.links.all()[0]?.request("never", 0, { timeoutMs: 60_000 });
  a.links.cut(simulatedId("b"), "a test");
  await assert.rejects(simulation.settle(pending ?? assert.fail(), 10), LinkBroken);
  assert.ok(
    await simulation.until(() => a.links.all().length === 1 && b.links.all().length === 1, 5_000),
    "both are linked",
  );
  a.links.unwant(simulatedId("b"));
  a.links.cut(simulatedId("b"), "a test");
  await simulation.run(60_000);
  assert.equal(a.links.all().length, 0);
});

test("a link lives on when its certificates are renewed in time, and ends with them otherwise", async () => {
  const simulation = new Simulation(7);
  const end = simulation.time.now() + 3_600_000;
  let ends = end;
  const identity = {
    get notAfter(): number {
      return ends;
    },
  };
  const hosts = ["a", "b"].map((name) => simulation.host(name, { identity }));
  const [a, b] = hosts.map((host) => host.links()) as [LinkSet, LinkSet];
  const history: string[] = [];
  a.watch({ opened: () => history.push("opened"), ended: () => history.push("ended") });
  b.watch({ opened: () => history.push("opened"), ended: () => history.push("ended") });
  b.handle("slow", (body) => new Promise((resolve) => simulation.time.after(20_000, () => resolve(body))));
  await a.start();
  await b.start();
  a.want(simulatedId("b"), hosts[1]?.address ?? "");
  await simulation.run(1_000);
  const link = a.get(simulatedId("b"));
  assert.ok(link !== undefined, "no link");
  ends = end + 3_600_000;
  const answers: Promise<unknown>[] = [];
  for (let minute = 0; minute < 70; minute++) {
    for (let n = 0; n < 6; n++) {
      answers.push(link.request("slow", minute * 6 + n, { timeoutMs: 60_000 }));
      await simulation.run(10_000);
    }
  }
  const all = await simulation.settle(Promise.all(answers));
  assert.deepEqual(
    all,
    answers.map((_, index) => index),
  );
  assert.equal(link.peer.notAfter, ends);
  assert.deepEqual(history, ["opened", "opened"]);
  assert.equal(simulation.world.endsOf(simulatedId("a")).size, 1);
  // No certificate is renewed again.
  await simulation.until(() => a.all().length === 0 && b.all().length === 0, 2 * 3_600_000);
  assert.ok(Math.abs(simulation.time.now() - ends) < 1_000, "it ended with the certificates");
});
