// Calls over real links on a simulated network: nodes that are killed, cut off and restarted under load.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../src/core/errors.js";
import type { LinkSet } from "../../src/mesh/transport/link-set.js";
import { ForwardNode } from "../harness/virtual/forward-node.js";
import { eachSeed, type Simulation, simulatedId } from "../harness/virtual/simulation.js";

type Node = ForwardNode<LinkSet>;

interface Answered {
  readonly text: string;
  readonly from: string;
  answer?: string | undefined;
  hop?: string | undefined;
  error?: unknown;
}

/** A mesh whose nodes can be killed. */
class Mesh {
  readonly simulation: Simulation;
  readonly nodes = new Map<string, Node>();
  readonly answered: Answered[] = [];
  readonly ran: string[] = [];

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  /** Starts a node, or a new run of a killed one, which dials all that run. */
  async start(name: string): Promise<void> {
    const host = this.simulation.host(name);
    const links = host.links();
    const { random } = host;
    const time = {
      now: () => host.clock.now(),
      monotonic: () => host.clock.monotonic(),
      after: (ms: number, run: () => void) => host.timers.after(ms, run),
      random,
    };
    const node = new ForwardNode({ id: host.id, links, time }, { slots: 1 + Math.floor(random() * 2) });
    node.runner.runMs = 5 + Math.floor(random() * 40);
    node.runner.ran = this.ran;
    node.deploy();
    await links.start();
    for (const other of this.nodes.values()) links.want(other.id, `n-${other.id}:1`);
    this.nodes.set(name, node);
  }

  kill(name: string, isSilent: boolean): void {
    this.simulation.kill(name, isSilent);
    this.nodes.delete(name);
  }

  /** Sends calls at a node; their ends are counted in {@link answered}. */
  call(name: string): Promise<void> {
    const node = this.nodes.get(name);
    if (node === undefined) throw new TypeError(`${name} does not run`);
    const entry: Answered = { text: `call ${this.answered.length}`, from: name };
    this.answered.push(entry);
    return node.call(entry.text).then(
      ({ json, hop }) => {
        entry.answer = String(json);
        entry.hop = hop?.node;
      },
      (error: unknown) => {
        entry.error = error;
      },
    );
  }

  /** Every call of these nodes was answered rightly, and none more than once unless something was lost. */
  check(callers: readonly string[], lossless: boolean): void {
    for (const { text, from, answer, error } of this.answered) {
      if (!callers.includes(from)) continue;
      assert.ok(error === undefined || error instanceof HerdError, String(error));
      assert.equal(error instanceof HerdError ? error.code : undefined, undefined);
      assert.equal(answer, text);
    }
    const runs = new Map<string, number>();
    for (const text of this.ran) runs.set(text, (runs.get(text) ?? 0) + 1);
    for (const [text, count] of runs) assert.ok(count <= (lossless ? 1 : 3), `${text} ran ${count} times`);
  }
}

async function mesh(simulation: Simulation, names: readonly string[]): Promise<Mesh> {
  const made = new Mesh(simulation);
  for (const name of names) await made.start(name);
  await simulation.run(2_000);
  for (const node of made.nodes.values()) assert.equal([...node.statuses.all()].length, names.length - 1);
  return made;
}

const names = ["a", "b", "c", "d"];

test("load at one node spreads over the mesh, each call once and one hop at most", async (t) => {
  await eachSeed(t, { count: 5, delayMs: [0.1, 1] }, async (simulation) => {
    const made = await mesh(simulation, names);
    const calls: Promise<void>[] = [];
    for (let step = 0; step < 40; step++) {
      for (let more = 0; more < 4; more++) calls.push(made.call("a"));
      await simulation.run(10);
    }
    await simulation.settle(Promise.all(calls));
    made.check(names, true);
    const places = new Set(made.answered.map(({ hop }) => hop));
    assert.equal(places.size, names.length, `computed at ${[...places]}`);
  });
});

test("killed and cut off nodes lose no call of the others", async (t) => {
  await eachSeed(t, { count: 10, delayMs: [0.1, 2] }, async (simulation) => {
    const made = await mesh(simulation, names);
    const { random } = simulation;
    const calls: Promise<void>[] = [];
    const victim = names[1 + Math.floor(random() * 3)] ?? "b";
    const isSilent = random() < 0.3;
    for (let step = 0; step < 60; step++) {
      for (let more = Math.floor(random() * 4); more >= 0; more--) calls.push(made.call("a"));
      if (step === 20) made.kill(victim, isSilent);
      if (step === 30) simulation.break("a", names.find((name) => name !== "a" && name !== victim) ?? "");
      if (step === 40 && !isSilent) await made.start(victim);
      await simulation.run(random() * 20);
    }
    await simulation.settle(Promise.all(calls));
    made.check(["a"], false);
  });
});

test("a revoked node gets no calls, and calls that it had run elsewhere", async (t) => {
  // Nobody seems far away for a moment, so that the first calls do go there.
  await eachSeed(t, { count: 5, delayMs: [0.1, 1], spikeOneIn: Number.POSITIVE_INFINITY }, async (simulation) => {
    const made = await mesh(simulation, ["a", "b"]);
    const [a, b] = [made.nodes.get("a"), made.nodes.get("b")];
    assert.ok(a !== undefined && b !== undefined, "no a, or no b");
    for (const { runner } of [a, b]) runner.runMs = 500;
    const calls = [made.call("a"), made.call("a"), made.call("a")];
    await simulation.run(50);
    assert.ok(b.runner.stats().running > 0, `${b.runner.stats().running}`);
    simulation.revoked.add(simulatedId("b"));
    a.links.cut(simulatedId("b"), "revoked");
    await simulation.run(50);
    assert.equal(b.runner.stats().running + b.runner.stats().queued, 0, "its work for others is dropped");
    calls.push(made.call("a"));
    await simulation.settle(Promise.all(calls));
    made.check(["a"], false);
    assert.ok(
      made.answered.every(({ hop }) => hop === undefined),
      JSON.stringify(made.answered),
    );
  });
});
