// When a deploy is acknowledged: which nodes must hold it, with which nodes alive. Scripted peers, virtual time.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { PublishedManifest } from "../../src/catalog/model.js";
import { HerdError } from "../../src/core/errors.js";
import { Acknowledger } from "../../src/deploy/acknowledge.js";
import type { Link, MemberState } from "../../src/mesh/ports.js";
import { VirtualTime } from "../harness/virtual/virtual-time.js";
import { silent } from "../pki/audit/silent-log.js";

/**
 * A peer: whether it is a master, its state in the membership, and after how many ms it holds the change (never,
 * without).
 */
interface Peer {
  readonly id: string;
  readonly master?: boolean;
  readonly state?: MemberState;
  readonly linked?: boolean;
  readonly holdsAfter?: number;
}

interface Outcome {
  /** The holders in the answer; `undefined` for a refusal. */
  readonly nodes: readonly string[] | undefined;
  readonly error: unknown;
  /** Time of the answer, ms. */
  readonly at: number;
}

/** Asks for an acknowledgement among these peers, and lets 20 s pass. */
async function acknowledge(
  peers: readonly Peer[],
  { self = false }: { readonly self?: boolean } = {},
): Promise<Outcome> {
  const time = new VirtualTime();
  const links = peers.filter(({ linked = true }) => linked).map((peer) => linkTo(peer, time));
  const all = peers.map(({ id, state = "alive" }) => ({ id, state, incarnation: 0, address: undefined, url: "" }));
  const acknowledger = new Acknowledger({
    links: { all: () => links, watch: () => () => undefined },
    members: { all: () => all as never, get: (id) => all.find((member) => member.id === id) as never },
    isMaster: { self, of: (id) => peers.some((peer) => peer.id === id && peer.master === true) },
    nameOf: (id) => id,
    timers: time,
    log: silent,
  });
  let outcome: Outcome | undefined;
  void acknowledger.acknowledge({ text: "change" } as PublishedManifest).then(
    (nodes) => {
      outcome = { nodes, error: undefined, at: time.monotonic() };
    },
    (error: unknown) => {
      outcome = { nodes: undefined, error, at: time.monotonic() };
    },
  );
  await time.advance(20_000, () => outcome !== undefined);
  return outcome ?? assert.fail("it was never answered");
}

function linkTo({ id: nodeId, master = false, holdsAfter }: Peer, time: VirtualTime): Link {
  return {
    peer: { nodeId, serial: "", issuer: "", master, deploy: false, notAfter: 0 },
    hello: { address: undefined, url: "" },
    rttMs: undefined,
    notify: () => true,
    request: (kind) => {
      assert.equal(kind, "hold");
      if (holdsAfter === undefined) return Promise.reject(new HerdError("source.invalid", `not on ${nodeId}`));
      return new Promise((resolve) => time.after(holdsAfter, () => resolve({})));
    },
  };
}

const refused = ({ error }: Outcome): boolean => error instanceof HerdError && error.code === "node.unavailable";

test("with a living master, a change is not acknowledged before the master holds it", async () => {
  const { nodes, at } = await acknowledge([
    { id: "quick", holdsAfter: 5 },
    { id: "master", master: true, holdsAfter: 3_000 },
  ]);
  assert.deepEqual(nodes, ["master", "quick"]);
  assert.ok(at >= 3_000, `answered after ${at} ms, before the master held it`);
});

test("one of several living masters is enough, and a quick master is not waited on for long", async () => {
  const { nodes, at } = await acknowledge([
    { id: "m1", master: true, holdsAfter: 20 },
    { id: "m2", master: true, holdsAfter: 9_000 },
  ]);
  assert.deepEqual(nodes, ["m1"]);
  assert.ok(at < 1_500, `${at} ms`);
});

test("a master that holds nothing in time is waited for all of it before one other node is enough", async () => {
  for (const state of ["alive", "draining"] as const) {
    const { nodes, at } = await acknowledge([
      { id: "other", holdsAfter: 5 },
      { id: "master", master: true, state },
    ]);
    assert.deepEqual(nodes, ["other"]);
    assert.ok(at >= 5_000, `${at} ms`);
  }
  assert.ok(
    refused(await acknowledge([{ id: "other" }, { id: "master", master: true }])),
    "the silent peers do not hold it",
  );
});

test("a master that is not alive is not waited for: one other node is enough", async () => {
  for (const state of ["dead", "left", "suspect"] as const) {
    const { nodes, at } = await acknowledge([
      { id: "other", holdsAfter: 5 },
      { id: "master", master: true, state, linked: false },
    ]);
    assert.deepEqual(nodes, ["other"]);
    assert.ok(at < 500, `${at} ms`);
  }
});

test("a master acknowledges with one other node, and also alone, unlike other nodes", async () => {
  const { nodes, at } = await acknowledge([{ id: "other", holdsAfter: 400 }], { self: true });
  assert.deepEqual(nodes, ["other"]);
  assert.ok(at >= 400, `${at}`);
  assert.ok(refused(await acknowledge([{ id: "other" }], { self: true })), "another one lives and does not hold it");
  assert.deepEqual((await acknowledge([{ id: "gone", state: "dead", linked: false }], { self: true })).nodes, []);
  assert.ok(refused(await acknowledge([{ id: "gone", state: "dead", linked: false }])), "a dead peer does not hold it");
});
