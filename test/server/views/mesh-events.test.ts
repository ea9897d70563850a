// Changes of nodes as events, by name.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Member } from "../../../src/mesh/ports.js";
import { type MeshEvent, MeshEvents, publishNodes } from "../../../src/server/views/mesh-events.js";
import { FakeMesh } from "../../harness/tls/fake-mesh.js";

function member(state: Member["state"], incarnation: number): Member {
  return { id: "b1", state, incarnation, address: undefined, url: "https://beta:1" };
}

test("a node's new state and its revocation are told by name, a repetition is not", () => {
  const mesh = new FakeMesh({ id: "a1", name: "alpha" });
  mesh.add({ id: "b1", name: "beta" });
  let changed: (member: Member, before: Member | undefined) => void = () => assert.fail("nobody listens");
  let revoked: (node: string) => void = () => assert.fail("nobody listens");
  let listening = 2;
  const members = {
    watch: (listener: typeof changed) => {
      changed = listener;
      return () => void listening--;
    },
  };
  const registry = {
    ...mesh.registry,
    onRevoked: (listener: typeof revoked) => {
      revoked = listener;
      return () => void listening--;
    },
  };
  const events = new MeshEvents();
  const heard: MeshEvent[] = [];
  const deaf = events.subscribe((event) => heard.push(event));
  const end = publishNodes({ members, registry, events, clock: { now: () => 5, monotonic: () => 5 } });
  changed(member("alive", 1), undefined);
  changed(member("alive", 2), member("alive", 1));
  changed(member("dead", 2), member("alive", 2));
  revoked("b1");
  revoked("c1");
  assert.deepEqual(heard, [
    { type: "node.state", at: 5, node: "beta", id: "b1", state: "alive" },
    { type: "node.state", at: 5, node: "beta", id: "b1", state: "dead" },
    { type: "node.revoked", at: 5, node: "beta", id: "b1" },
    { type: "node.revoked", at: 5, node: "c1", id: "c1" },
  ]);
  deaf();
  end();
  assert.deepEqual([events.listeners, listening], [0, 0]);
});
