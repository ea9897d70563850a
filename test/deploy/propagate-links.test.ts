// Deploys over the links of the product, their frames encoded and decoded: large bytes, sources that die, wires that
// lose.

import assert from "node:assert/strict";
import { test } from "node:test";
import { leb128 } from "../../runtime/interface/binary.js";
import type { LinkSet } from "../../src/mesh/transport/link-set.js";
import { FakeCompiler } from "../harness/tls/fakes.js";
import { DeployNode, type DeployNodeOptions, type Trusted } from "../harness/virtual/deploy-mesh.js";
import { eachSeed, Simulation } from "../harness/virtual/simulation.js";

/** Members without states: every linked node counts as alive. */
const members = { all: () => [], get: () => undefined, watch: () => () => undefined };

/** Makes components of a size. */
class LargeCompiler extends FakeCompiler {
  bytes = 0;

  override async compile(...given: Parameters<FakeCompiler["compile"]>): ReturnType<FakeCompiler["compile"]> {
    const small = await super.compile(...given);
    const text = given[0].map((file) => file.text).join("\n");
    const padding = Buffer.concat([Buffer.from([1, 0x79]), Buffer.alloc(this.bytes, text)]);
    const component = Buffer.concat([small.component, Buffer.of(0), leb128(padding.length), padding]);
    return { component, interface: small.interface };
  }
}

interface Run {
  readonly node: DeployNode;
  readonly links: LinkSet;
  readonly compiler: LargeCompiler;
}

/** Nodes over a {@link Simulation}; each dials the nodes started before it. */
class LinkedNodes {
  readonly simulation: Simulation;
  readonly trusted = { admitted: new Set<string>(), revoked: new Set<string>(), masters: new Set<string>() };
  readonly #addresses = new Map<string, string>();

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  async add(name: string, options: Partial<DeployNodeOptions> = {}): Promise<Run> {
    const host = this.simulation.host(name);
    const { id, clock, timers, random } = host;
    this.trusted.admitted.add(id);
    if (options.master === true) this.trusted.masters.add(id);
    const links = host.links();
    const compiler = new LargeCompiler();
    const trusted: Trusted = { ...this.trusted, unmarked: new Set() };
    const parts = { id, links, members, clock, timers, random };
    const node = new DeployNode(parts, trusted, { master: false, compiler, ...options });
    await node.start();
    await links.start();
    for (const [other, address] of this.#addresses) if (other !== id) links.want(other, address);
    this.#addresses.set(id, host.address ?? "");
    return { node, links, compiler };
  }

  async linked(runs: readonly Run[]): Promise<void> {
    const all = () => runs.every(({ links }) => links.all().length === runs.length - 1);
    assert.ok(await this.simulation.until(all, 10_000), "all are linked");
  }

  async agree(runs: readonly Run[], ms = 5_000): Promise<boolean> {
    const same = () => new Set(runs.map(({ node }) => JSON.stringify(node.knows()))).size === 1;
    return this.simulation.until(same, ms);
  }
}

test("a component of many frames reaches two nodes before it is acknowledged", async () => {
  const simulation = new Simulation(1);
  const mesh = new LinkedNodes(simulation);
  const runs = [await mesh.add("a", { master: true }), await mesh.add("b"), await mesh.add("c")] as const;
  await mesh.linked(runs);
  const [{ node, compiler }, ...others] = runs;
  compiler.bytes = 1_500_000;
  const { nodes, prepared } = await simulation.settle(node.deploy("large", "text"));
  assert.equal(nodes.length, 3);
  for (const other of others) {
    assert.equal(other.node.active.get("large"), prepared.revision);
    assert.equal((await other.node.catalog.component(prepared.revision)).length > 1_500_000, true);
  }
});

test("a node whose source dies during a pull continues with another one", async (t) => {
  await eachSeed(t, { count: 10 }, async (simulation) => {
    const mesh = new LinkedNodes(simulation);
    const [a, b] = [await mesh.add("a", { master: true }), await mesh.add("b")];
    await mesh.linked([a, b]);
    a.compiler.bytes = 2_000_000;
    await simulation.settle(a.node.deploy("large", "text"));
    const late = await mesh.add("c");
    const links = () => late.links.all().length === 2;
    assert.ok(await simulation.until(links, 10_000), "the late node is linked to both");
    await simulation.run(simulation.random() * 60);
    simulation.kill("a", simulation.random() < 0.5);
    a.node.stop();
    // A dead machine sends nothing: the request to it ends by its timeout.
    assert.ok(await simulation.until(() => late.node.active.has("large"), 15_000), "the late node has it");
  });
});

test("over links that break and partition, deploys on both sides converge", async (t) => {
  await eachSeed(t, { count: 10 }, async (simulation) => {
    const mesh = new LinkedNodes(simulation);
    const runs = [await mesh.add("a", { master: true }), await mesh.add("b", { master: true }), await mesh.add("c")];
    await mesh.linked(runs);
    for (let step = 0; step < 8; step++) {
      const run = runs[Math.floor(simulation.random() * 3)] as Run;
      run.compiler.bytes = simulation.random() < 0.3 ? 400_000 : 10;
      void run.node.deploy(`app-${step % 2}`, `text ${Math.floor(simulation.random() * 5)}`).catch(() => undefined);
      const what = simulation.random();
      if (what < 0.3) simulation.break("a", "b");
      else if (what < 0.5) simulation.partition([["a"], ["b", "c"]]);
      else if (what < 0.7) simulation.partition([]);
      await simulation.run(simulation.random() * 3_000);
    }
    simulation.partition([]);
    await mesh.linked(runs).catch(() => simulation.run(20_000));
    assert.ok(await mesh.agree(runs, 20_000), JSON.stringify(runs.map(({ node }) => node.knows())));
  });
});
