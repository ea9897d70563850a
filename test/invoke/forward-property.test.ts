// Forwarding over random meshes, loads, refusals and broken links, with forged frames in between: properties that hold
// for every seed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../src/core/errors.js";
import { decodeResult } from "../../src/invoke/forwarding/call-codec.js";
import { PeerFailure } from "../../src/invoke/invoker.js";
import type { Peer } from "../../src/invoke/peers/peer.js";
import { weightOf } from "../../src/invoke/routing/choose.js";
import { type FakeLink, type Sent, World } from "../harness/virtual/fake-links.js";
import { FakeNode } from "../harness/virtual/forward-node.js";
import { forSeeds, seeds } from "../harness/virtual/virtual-time.js";

const revision = "0123456789ab";

interface Called {
  readonly text: string;
  readonly from: FakeNode;
  readonly trap: boolean;
  json?: string;
  error?: unknown;
  hop?: string | undefined;
}

/** One run of a random mesh, and everything observed in it. */
class Run {
  readonly world: World;
  readonly nodes: FakeNode[] = [];
  readonly sent: Sent[] = [];
  readonly called: Called[] = [];
  /** Whether a link was broken, or a node had to stop its calls, so that a call may have run twice. */
  broke = false;
  stopped = 0;
  /** Calls that a first peer refused while their node knew another one that may have them. */
  readonly redrawable: string[] = [];
  #forged = 0;

  constructor(seed: number) {
    this.world = new World(seed);
    const count = 2 + this.#below(11);
    for (let index = 0; index < count; index++) {
      const slots = 1 + this.#below(3);
      const node = new FakeNode(this.world, index.toString(36), { slots, wire: (sent) => this.sent.push(sent) });
      node.runner.runMs = 1 + this.#below(60);
      if (this.#below(4) === 0) node.runner.queueLength = this.#below(4);
      if (this.#below(5) > 0) node.deploy(revision);
      this.nodes.push(node);
    }
    const density = this.world.random();
    for (const [index, node] of this.nodes.entries()) {
      for (const other of this.nodes.slice(0, index)) if (this.world.random() < density) this.#link(node, other);
    }
  }

  async play(): Promise<void> {
    const calls: Promise<void>[] = [];
    await this.world.advance(50);
    for (let step = 0; step < 60; step++) {
      const [node, other] = [this.#any(), this.#any()];
      const event = this.#below(40);
      if (event < 24) {
        for (let more = this.#below(4); more >= 0; more--) calls.push(this.#call(node));
      } else if (event < 28) this.#forge(node);
      else if (event === 28) this.#break(node);
      else if (event === 29 && node !== other && node.links.get(other.id) === undefined) this.#link(node, other);
      else if (event === 30) node.load.setDraining(!node.load.draining);
      else if (event === 31) node.deploy(revision);
      else if (event === 32) node.router.remove("app");
      else if (event === 33) node.judge(other.id, this.#below(2) === 0 ? "suspect" : "alive");
      else if (event === 34) this.#stop(node);
      else if (event === 35) node.owner.allow({ state: "active", lightUnits: this.#below(40) });
      else if (event > 35)
        node.owner.allow({ state: "none", slots: node.workers, lightUnits: Number.POSITIVE_INFINITY });
      await this.world.advance(this.world.random() * 15);
    }
    await this.world.settle(Promise.all(calls));
  }

  check(): void {
    assert.equal(
      this.called.filter(({ json, error }) => json === undefined && error === undefined).length,
      0,
      "answered",
    );
    this.#checkAnswers();
    this.#checkFrames();
  }

  #checkAnswers(): void {
    const ran = new Map<string, number>();
    for (const { runner } of this.nodes) for (const text of runner.ran) ran.set(text, (ran.get(text) ?? 0) + 1);
    for (const call of this.called) {
      const runs = ran.get(call.text) ?? 0;
      ran.delete(call.text);
      if (!this.broke) assert.ok(runs <= 1, `${call.text} ran ${runs} times though no link broke`);
      assert.ok(runs <= 3, `${call.text} ran ${runs} times`);
      const place = call.hop === undefined ? call.from : this.nodes.find(({ id }) => `name-${id}` === call.hop);
      if (call.error === undefined) {
        assert.equal(call.json, call.text, "its own answer");
        assert.ok(place?.runner.ran.includes(call.text), "computed where the answer says");
      } else {
        assert.ok(call.error instanceof HerdError, String(call.error));
        const codes = call.trap ? ["function.trapped"] : [];
        assert.ok(
          [...codes, "node.overloaded", "node.draining", "node.paused", "node.unavailable"].includes(call.error.code),
          call.error.code,
        );
        if (call.error.code === "function.trapped") assert.equal(call.error.message, call.text, "its own failure");
      }
    }
    assert.deepEqual([...ran.keys()], [], "nothing ran that nobody called");
  }

  /** Each call leaves only the node where it arrived, at most twice, with hop 1. */
  #checkFrames(): void {
    const sent = new Map<string, string[]>();
    for (const { from, to, kind, body } of this.sent) {
      if (kind !== "call") continue;
      if ((body as unknown[]).includes("forged")) continue;
      const [hop, , , , , bytes, invocation] = body as [unknown, string, string, string, string, Uint8Array, string];
      assert.equal(hop, 1);
      const origin = this.called.find(({ text }) => text === Buffer.from(bytes).toString())?.from;
      assert.equal(from, origin?.id, "only the node where it arrived hands a call on");
      sent.set(invocation, [...(sent.get(invocation) ?? []), to]);
    }
    for (const invocation of this.redrawable) {
      assert.equal(sent.get(invocation)?.length, 2, `${invocation} was refused and went straight home`);
    }
    for (const places of sent.values()) {
      assert.ok(places.length <= 2, "at most one redraw");
      assert.equal(new Set(places).size, places.length, "never twice to one peer");
    }
  }

  async #call(from: FakeNode): Promise<void> {
    if (from.router.find("app") === undefined) return;
    const trap = this.#below(8) === 0;
    const call: Called = { text: `call ${this.called.length}`, from, trap };
    this.called.push(call);
    try {
      const outcome = await from.call(call.text, trap ? { function: "trap" } : {});
      call.hop = outcome.hop?.node;
      call.json = String(outcome.json);
    } catch (error) {
      call.error = error;
      if (error instanceof PeerFailure) call.hop = error.hop.node;
    }
  }

  #link(one: FakeNode, other: FakeNode): void {
    const link = one.link(other);
    for (const end of [link, link.other]) {
      const ask = end?.request.bind(end);
      if (end === undefined || ask === undefined) continue;
      end.request = async (kind, body, options) => {
        const result = await ask(kind, body, options);
        if (kind === "call" && decodeResult(result)?.result.kind === "refused") this.#refused(end, body as unknown[]);
        return result;
      };
    }
  }

  /** A call was refused at the other end: whether another peer may have it, checked just before its node does. */
  #refused({ owner, peer }: FakeLink, frame: readonly unknown[]): void {
    const [revision, invocation] = [String(frame[2]), String(frame[6])];
    const before = this.sent.filter(({ kind, body }) => kind === "call" && (body as unknown[])[6] === invocation);
    const node = this.nodes.find(({ id }) => id === owner.id);
    const others = node?.statuses.candidates(revision) ?? [];
    if (before.length > 1) return;
    const work = node?.forwarding.workModel.works.of(revision, String(frame[3]));
    const mayHave = (other: Peer): boolean =>
      other.nodeId !== peer.nodeId && weightOf(other, 1) > 0 && (work?.units ?? 0) <= other.lightUnits;
    const { running = 0, queued = 0, slots = 0 } = node?.forwarding.load.read() ?? {};
    const isFree = (other: Peer): boolean => other.running + other.queued + other.inFlight < other.slots;
    const able = others.filter(mayHave);
    // Where a worker is free here, the call need not go to a peer that would queue it.
    if (able.length > 0 && (running + queued >= slots || able.every(isFree))) this.redrawable.push(invocation);
  }

  #forge(node: FakeNode): void {
    const hops = [0, 2, -1, 3, "1", null, undefined, 1.5, Number.NaN];
    const hop = hops[this.#below(hops.length)];
    const links = node.links.all();
    const link = links[this.#below(links.length)];
    const frame = [hop, "app", revision, "echo", "json", "forged", `forged-${this.#forged++}`, 5_000, null];
    const body = this.#below(3) === 0 ? frame.slice(1) : frame;
    link?.request("call", body, { timeoutMs: 60_000 }).then(
      () => assert.fail("a forged frame was answered"),
      () => undefined,
    );
  }

  #break(node: FakeNode): void {
    const links = node.links.all();
    const link = links[this.#below(links.length)];
    if (link === undefined) return;
    this.broke = true;
    link.break();
  }

  /** The owner is back: no peer's call runs there, and no call at all while the node is paused. */
  #stop(node: FakeNode): void {
    this.broke = true;
    this.stopped++;
    node.owner.allow({ state: this.#below(2) === 0 ? "battery" : "paused", slots: 0 });
    node.runner.preempt();
  }

  #any(): FakeNode {
    const node = this.nodes[this.#below(this.nodes.length)];
    if (node === undefined) throw new TypeError("no nodes");
    return node;
  }

  #below(count: number): number {
    return Math.floor(this.world.random() * count);
  }
}

const all = seeds(100);

test(`a call makes one hop at most and is answered rightly, in ${all.length} random meshes`, async () => {
  let forwarded = 0;
  let lost = 0;
  let redrawn = 0;
  let stopped = 0;
  await forSeeds(all, async (seed) => {
    const run = new Run(seed);
    await run.play();
    run.check();
    forwarded += run.called.filter(({ hop }) => hop !== undefined).length;
    redrawn += run.redrawable.length;
    if (run.broke) lost++;
    stopped += run.stopped;
  });
  // What is not exercised proves nothing.
  if (all.length < 20) return;
  assert.ok(forwarded > all.length && lost > all.length / 8, `${forwarded} forwarded, ${lost} runs with broken links`);
  assert.ok(stopped > all.length / 2, `${stopped} nodes had to stop`);
  assert.ok(redrawn > all.length / 2, `${redrawn} refused and given to another peer`);
});
