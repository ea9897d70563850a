// Deploys reach every node and converge everywhere, and an acknowledged change survives any single death. Over
// simulated meshes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../src/core/errors.js";
import { DeployMesh, type MemberDeployNode } from "../harness/virtual/deploy-mesh.js";
import { addressOf } from "../harness/virtual/memory-network.js";
import { forSeeds, seeds } from "../harness/virtual/virtual-time.js";

const names = (result: PromiseSettledResult<{ readonly nodes: readonly string[] }>) =>
  result.status === "fulfilled" ? result.value.nodes : assert.fail(String(result.reason));

test("a deploy is on every node when it is answered, and the answer names the nodes", async () => {
  const mesh = new DeployMesh(1);
  const nodes = await mesh.grow(10, { masters: 2 });
  const [, , third] = nodes;
  assert.ok(third, "no third");
  const start = mesh.members.time.monotonic();
  const result = await mesh.settled(third.deploy("hello", "one"));
  assert.ok(mesh.members.time.monotonic() - start < 1_000, `${mesh.members.time.monotonic() - start}`);
  assert.deepEqual([...names(result)].sort(), nodes.map(({ id }) => id).sort());
  assert.equal(names(result)[0], third.id);
  for (const node of nodes) {
    assert.equal(node.active.get("hello"), node.catalog.get("hello")?.revision);
    assert.deepEqual(await node.catalog.source("hello", node.catalog.get("hello")?.revision ?? ""), [
      { path: "index.ts", text: "one" },
    ]);
  }
});

test("rollback and removal spread; a node that comes later has everything within 5 s", async () => {
  const mesh = new DeployMesh(2);
  const nodes = await mesh.grow(3);
  const [one, two, three] = nodes as [MemberDeployNode, MemberDeployNode, MemberDeployNode];
  for (let count = 0; count < 14; count++) {
    await mesh.settled((nodes[count % 3] ?? one).deploy("many", `version ${count}`));
  }
  await mesh.settled(two.deploy("gone", "soon"));
  await mesh.settled(three.deployer.rollback("many", { by: "token" }));
  await mesh.settled(one.deployer.remove("gone", { by: "token" }));
  await mesh.agreement(nodes);
  assert.equal(two.active.has("gone"), false);
  assert.equal(two.catalog.get("many")?.revisions.length, 10);
  const late = await mesh.add(3, { master: false });
  assert.ok((await mesh.agreement([...nodes, late])) < 5_000, "the late node took 5 s or more");
  assert.equal(late.catalog.wasRemoved("gone"), true);
});

test("a node without living peers acknowledges alone; with peers that cannot hold, it fails and goes on", async () => {
  const mesh = new DeployMesh(3);
  const [alone] = await mesh.grow(1);
  assert.ok(alone, "no alone");
  assert.deepEqual(names(await mesh.settled(alone.deploy("hello", "one"))), [alone.id]);
  const refuse = () => Promise.reject(new HerdError("source.invalid", "not on this machine"));
  const broken = { prepare: refuse, inspect: refuse, checkSource: refuse };
  const peer = await mesh.add(1, { master: false, preparer: broken });
  await mesh.members.until(() => alone.node.stateOf(peer.id) === "alive", { ms: 5_000, what: "two see each other" });
  const refused = await mesh.settled(alone.deploy("hello", "two"));
  assert.ok(refused.status === "rejected", JSON.stringify(refused));
  assert.ok(refused.reason instanceof HerdError && refused.reason.code === "node.unavailable", String(refused.reason));
  assert.ok((refused.reason.retryAfterSeconds ?? 0) > 0, `${refused.reason.retryAfterSeconds}`);
  assert.match(refused.reason.message, /not on this machine/);
  assert.equal(peer.catalog.get("hello"), undefined, "what cannot run here is not held");
  assert.ok([...peer.catalog.records.ids()].length > 0, "but known");
  assert.ok(peer.warnings.length > 0, `${peer.warnings.length}`);
});

test("without its master, a mesh deploys as long as two nodes are there", async () => {
  const mesh = new DeployMesh(6);
  const [master, two, three] = (await mesh.grow(3)) as [MemberDeployNode, MemberDeployNode, MemberDeployNode];
  master.kill();
  const early = await mesh.settled(two.deploy("early", "before anyone noticed"));
  assert.deepEqual(names(early), [two.id, three.id]);
  await mesh.members.time.advance(20_000);
  assert.deepEqual(names(await mesh.settled(three.deploy("late", "one"))), [three.id, two.id]);
  three.kill();
  await mesh.members.time.advance(20_000);
  const refused = await mesh.settled(two.deploy("last", "in the memory of one node"));
  assert.ok(
    refused.status === "rejected" && (refused.reason as HerdError).code === "node.unavailable",
    JSON.stringify(refused),
  );
  const back = await mesh.add(0, { master: true, files: master.files, member: { seeds: [addressOf(two.id)] } });
  await mesh.agreement([back, two], { ms: 10_000 });
  assert.deepEqual([...back.active.keys()].sort(), ["early", "last", "late"]);
});

test("an unmarked node deploys nothing, and no node takes what it signs nevertheless", async () => {
  const mesh = new DeployMesh(4);
  const nodes = await mesh.grow(3);
  const [, bad] = nodes as [MemberDeployNode, MemberDeployNode];
  mesh.unmarked.add(bad.id);
  const refused = await mesh.settled(bad.deploy("evil", "code"));
  assert.ok(
    refused.status === "rejected" && (refused.reason as HerdError).code === "auth.forbidden",
    JSON.stringify(refused),
  );
  const component = Buffer.from("anything");
  await bad.catalog.put({ app: "evil", component, source: [], functions: [], by: "nobody" });
  await mesh.members.time.advance(40_000);
  for (const node of nodes) if (node !== bad) assert.deepEqual([...node.catalog.records.ids()], []);
});

test("a node that sends other bytes is passed over, and no node holds a lie about the interface", async () => {
  const mesh = new DeployMesh(5);
  const nodes = await mesh.grow(3);
  const [one, two, three] = nodes as [MemberDeployNode, MemberDeployNode, MemberDeployNode];
  // Node three sends other bytes of the right size for every blob: a node that pulls from it first continues with the
  // next.
  const blob = three.catalog.records.blob.bind(three.catalog.records);
  three.catalog.records.blob = async (digest) => (await blob(digest))?.map((byte) => byte ^ 1) as Buffer | undefined;
  await mesh.settled(one.deploy("hello", "one"));
  one.kill();
  const late = [];
  for (let number = 3; number < 6; number++) {
    late.push(await mesh.add(number, { master: false, member: { seeds: [addressOf(two.id), addressOf(three.id)] } }));
  }
  await mesh.agreement([two, ...late]);
  assert.ok(
    late.some(({ warnings }) => warnings.includes("a peer gave other bytes than those that were asked for")),
    `${late.map(({ warnings }) => warnings)}`,
  );
  const lie = await two.catalog.put({
    app: "lie",
    component: await two.catalog.component(two.catalog.get("hello")?.revision ?? ""),
    source: [],
    functions: ["other"],
    by: "token",
  });
  await mesh.members.time.advance(10_000);
  for (const node of late) {
    assert.equal(node.catalog.records.stateOf(lie.manifest.id), "announced");
    assert.equal(node.catalog.get("lie"), undefined);
    assert.ok(node.warnings.includes("a deploy cannot be held yet"), `${node.warnings}`);
  }
});

test("conflicting deploys converge everywhere, whatever the network and the nodes do", async () => {
  await forSeeds(seeds(25), async (seed) => {
    const mesh = new DeployMesh(seed);
    const { random, simulation, time } = mesh.members;
    const pick = (count: number) => Math.floor(random() * count);
    const size = 2 + pick(4);
    await mesh.grow(size, { masters: 1 + pick(size) });
    const dead = new Set<number>();
    for (let step = 0; step < 14; step++) {
      const number = pick(size);
      const node = mesh.nodes.get(number) as MemberDeployNode;
      const app = `app-${pick(3)}`;
      const what = random();
      if (what < 0.45) void node.deploy(app, `text ${pick(8)}`).catch(() => undefined);
      else if (what < 0.55) void node.deployer.rollback(app, { by: "token" }).catch(() => undefined);
      else if (what < 0.62) void node.deployer.remove(app, { by: "token" }).catch(() => undefined);
      else if (what < 0.74) {
        const ids = [...mesh.nodes.values()].map(({ id }) => id);
        simulation.partition([
          ids.filter((_, index) => index % 2 === step % 2),
          ids.filter((_, index) => index % 2 !== step % 2),
        ]);
      } else if (what < 0.82) simulation.partition([]);
      else if (what < 0.9) node.node.break(mesh.nodes.get(pick(size))?.id ?? "");
      else if (dead.has(number)) await revive(mesh, { number, dead });
      else if (dead.size < size - 1) {
        node.kill();
        dead.add(number);
      }
      await time.advance(random() * 4_000);
    }
    simulation.partition([]);
    for (const number of [...dead]) await revive(mesh, { number, dead });
    const all = [...mesh.nodes.values()];
    const met = () => mesh.members.agreed(all.map(({ node }) => node));
    await mesh.members.until(met, { ms: 90_000, what: "the mesh is whole again" });
    await mesh.agreement(all, { ms: 15_000, lost: true });
    for (const { active, catalog } of all) {
      assert.deepEqual(
        Object.fromEntries(catalog.list().map(({ app, revision }) => [app, revision])),
        Object.fromEntries([...active].sort()),
      );
    }
  });
});

/** A master comes back with its files, any other node with nothing. */
async function revive(mesh: DeployMesh, { number, dead }: { number: number; dead: Set<number> }): Promise<void> {
  const { master, files } = mesh.nodes.get(number) as MemberDeployNode;
  dead.delete(number);
  const remembered = [...mesh.nodes.values()].map(({ id }) => ({ id, address: addressOf(id) }));
  await mesh.add(number, { master, ...(master ? { files } : {}), member: { remembered } });
}

test("a master's acknowledged change survives its death and a restart of all others without state", async () => {
  await forSeeds(seeds(8), async (seed) => {
    const mesh = new DeployMesh(seed);
    const { random, time } = mesh.members;
    const nodes = await mesh.grow(4, { masters: 1 });
    const [master] = nodes as [MemberDeployNode];
    for (let count = 0; count < 4; count++) {
      const node = nodes[Math.floor(random() * 4)] as MemberDeployNode;
      assert.equal((await mesh.settled(node.deploy(`app-${count}`, `text ${count}`))).status, "fulfilled");
    }
    await mesh.settled(master.deployer.remove("app-3", { by: "token" }));
    await mesh.agreement(nodes);
    const before = JSON.stringify(master.knows());
    const order = [0, 1, 2, 3].sort(() => random() - 0.5);
    for (const number of order) {
      (mesh.nodes.get(number) as MemberDeployNode).kill();
      await time.advance(random() * 3_000);
    }
    // Those that forgot everything may be back long before the one that did not.
    const dead = new Set(order);
    for (const number of order.sort(() => random() - 0.5)) {
      await revive(mesh, { number, dead });
      await time.advance(random() * 3_000);
    }
    const all = [...mesh.nodes.values()];
    const met = () => mesh.members.agreed(all.map(({ node }) => node));
    await mesh.members.until(met, { ms: 60_000, what: "the mesh is whole again" });
    await mesh.agreement(all);
    for (const node of all) assert.equal(JSON.stringify(node.knows()), before);
  });
});

test("an acknowledged change survives the death of any one node, at any moment", async () => {
  await forSeeds(seeds(25), async (seed) => {
    const mesh = new DeployMesh(seed);
    const { random, simulation, time } = mesh.members;
    const pick = (count: number) => Math.floor(random() * count);
    const size = 2 + pick(4);
    const nodes = await mesh.grow(size, { masters: 1 + pick(size) });
    const acknowledged: string[] = [];
    let open = 0;
    const victim = pick(size);
    const killAfter = pick(10);
    for (let count = 0; count < 12; count++) {
      const node = nodes[pick(size)] as MemberDeployNode;
      const app = `app-${count}`;
      open++;
      node
        .deploy(app, `text ${count}`)
        .then(
          () => acknowledged.push(app),
          () => undefined,
        )
        .finally(() => open--);
      if (count === killAfter) {
        await time.advance(random() * 30);
        nodes[victim]?.kill();
      }
      if (random() < 0.3) nodes[pick(size)]?.node.break(nodes[pick(size)]?.id ?? "");
      await time.advance(random() * (random() < 0.7 ? 10 : 1_500));
    }
    assert.ok(simulation.world.frames > 0, `${simulation.world.frames}`);
    await time.advance(10_000);
    const living = nodes.filter((_, index) => index !== victim);
    await mesh.agreement(living, { ms: 10_000, lost: true });
    for (const { catalog, active } of living) {
      for (const app of acknowledged) assert.equal(active.get(app), catalog.get(app)?.revision ?? "", app);
    }
  });
});
