// Revoking: whom a master may revoke, that it reaches everyone, and the tree and the list of masters that remain.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AuditEvent } from "../../../src/pki/registry/audit-record.js";
import { mastersView } from "../../../src/pki/registry/masters.js";
import type { TreeNode } from "../../../src/pki/registry/node-tree.js";
import { Registry } from "../../../src/pki/registry/registry.js";
import { Revoker } from "../../../src/pki/registry/revocation.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { silent } from "../audit/silent-log.js";
import { PaperMesh, type PaperNode } from "../mesh-records.js";

const mesh = await PaperMesh.found();
const m1 = await mesh.master("m1");
const m2 = await mesh.master("m2");
const [n1, n2, n3, n4] = [mesh.node("n1"), mesh.node("n2"), mesh.node("n3"), mesh.node("n4")];
const everyone = [
  ...[mesh.grant(m1), mesh.admission(m1, { master: m1, parent: null, approvedBy: "founder" })],
  ...[mesh.grant(m2), mesh.admission(m2, { master: m1 })],
  ...[mesh.admission(n1, { master: m1 }), mesh.admission(n2, { master: m1, parent: n1 })],
  ...[mesh.admission(n3, { master: m2, parent: n2 }), mesh.admission(n4, { master: m2, parent: m2 })],
];

/** Offers each text to the store that takes it. */
async function learn(registry: Registry, texts: readonly string[]): Promise<void> {
  for (const store of registry.stores) {
    for (const text of texts)
      if (text.includes(`\\"kind\\":\\"${store.kind}\\"`)) await store.accept(text).catch(() => undefined);
  }
}

/** Masters and nodes whose records reach each other at once, as long as the wire is whole. */
function meshOf(...nodes: readonly PaperNode[]) {
  const audited: AuditEvent[] = [];
  const parts = nodes.map((node) => {
    const { meshId, root, clock } = mesh;
    const registry = new Registry({ meshId, rootCertificate: root.certificate, files: new MemoryFiles(), clock });
    const publish = async (kind: string, text: string) => {
      for (const { registry: to } of parts) {
        const store = to.stores.find((candidate) => candidate.kind === kind);
        const accepted = store?.accept(text);
        await (to === registry ? accepted : accepted?.catch(() => undefined));
      }
    };
    const audit = async (event: AuditEvent) => {
      audited.push(event);
    };
    const revoker = new Revoker({ registry, signer: node.signer, clock, log: silent, publish, audit });
    return { node, registry, revoker };
  });
  return { parts, audited };
}

async function meshOfAll() {
  const { parts, audited } = meshOf(m1, m2, n1);
  for (const { registry, revoker } of parts) {
    await learn(registry, everyone);
    revoker.start();
  }
  const [first, second, node] = parts;
  assert.ok(first !== undefined && second !== undefined && node !== undefined, "no first, or no second, or no node");
  return { first, second, node, audited, stop: () => Promise.all(parts.map(({ revoker }) => revoker.stop())) };
}

const by = "token 0123456789abcdef";

describe("a master", () => {
  test("revokes a node by name everywhere, says so once, and not twice", async () => {
    const { first, second, node, audited, stop } = await meshOfAll();
    assert.deepEqual(await first.revoker.revoke("n1", { subtree: false, by }), [n1.id]);
    for (const { registry } of [first, second, node]) {
      assert.equal(registry.isRevoked(n1.id), true);
      assert.equal(registry.isRevoked(n2.id), false);
    }
    assert.deepEqual(audited, [{ event: "node.revoked", by, subject: n1.id, detail: "n1" }]);
    assert.deepEqual(await first.revoker.revoke(n1.id, { subtree: false, by }), []);
    assert.equal(audited.length, 1);
    await stop();
  });

  test("revokes everyone that a node let in, directly or not", async () => {
    const { first, second, audited, stop } = await meshOfAll();
    const ids = await first.revoker.revoke("n1", { subtree: true, by });
    assert.deepEqual(new Set(ids), new Set([n1.id, n2.id, n3.id]));
    assert.equal(second.registry.isRevoked(n3.id), true);
    assert.equal(second.registry.isRevoked(n4.id), false);
    assert.deepEqual(
      audited.map(({ detail }) => detail),
      ["n1", "n2, let in below n1", "n3, let in below n1"],
    );
    await stop();
  });

  test("records whom it revoked, also when the next one could not be", async () => {
    const { first, stop } = await meshOfAll();
    const audited: string[] = [];
    const { registry } = first;
    const publish = async (_kind: string, text: string) => {
      if (text.includes(`\\"node\\":\\"${n3.id}`)) throw new Error("disk full");
      await registry.revocations.accept(text);
    };
    const audit = async ({ subject }: AuditEvent) => {
      audited.push(subject);
    };
    const { clock } = mesh;
    const revoker = new Revoker({ registry, signer: m1.signer, clock, log: silent, publish, audit });
    await assert.rejects(revoker.revoke("n1", { subtree: true, by }), /disk full/);
    assert.deepEqual(audited, [n1.id, n2.id]);
    assert.deepEqual([registry.isRevoked(n2.id), registry.isRevoked(n3.id)], [true, false]);
    await stop();
  });

  test("does not revoke itself or the last master, and nobody revokes whom nobody knows", async () => {
    const { first, second, node, stop } = await meshOfAll();
    const options = { subtree: false, by };
    await assert.rejects(
      first.revoker.revoke("m1", options),
      coded("state.conflict", /itself: ask another one, such as m2/),
    );
    await assert.rejects(second.revoker.revoke("m1", { subtree: true, by }), coded("state.conflict", /last master/));
    await assert.rejects(first.revoker.revoke("n9", options), coded("node.unknown"));
    await assert.rejects(node.revoker.revoke("n2", options), coded("auth.forbidden"));
    await second.revoker.revoke("m1", options);
    await assert.rejects(second.revoker.revoke("m2", options), coded("state.conflict", /last master/));
    await assert.rejects(
      first.revoker.revoke("n2", options),
      coded("auth.forbidden"),
      "a revoked master revokes nobody",
    );
    assert.equal(second.registry.isRevoked(n2.id), false);
    await stop();
  });

  test("repeats what a revoked master had said, so that late nodes learn it", async () => {
    const { first, second, stop } = await meshOfAll();
    await second.revoker.revoke("n4", { subtree: false, by });
    await first.revoker.revoke("m2", { subtree: false, by });
    await stop();
    assert.deepEqual(first.registry.orphans(), []);
    const { parts } = meshOf(n2);
    const [late] = parts;
    const texts = first.registry.stores.flatMap((store) => [...store.ids()].map((id) => store.get(id) ?? ""));
    assert.ok(late !== undefined, "no late");
    await learn(late.registry, texts);
    assert.equal(late.registry.node(n3.id)?.parent, n2.id);
    assert.equal(late.registry.isRevoked(n4.id), true);
    assert.equal(late.registry.isRevoked(m2.id), true);
  });
});

describe("the tree", () => {
  const shape = (tree: TreeNode | undefined): unknown =>
    tree && [tree.name, tree.state, tree.parent, tree.children.map(shape)];

  test("shows who let whom in", async () => {
    const { first, stop } = await meshOfAll();
    await first.revoker.revoke("n1", { subtree: false, by });
    await stop();
    const tree = first.registry.tree((id) => (id === n4.id ? "dead" : "alive"));
    const n1Branch = ["n1", "revoked", "m1", [["n2", "alive", "n1", [["n3", "alive", "n2", []]]]]];
    const children = [n1Branch, ["m2", "alive", "m1", [["n4", "dead", "m2", []]]]].sort();
    const [name, state, parent, below] = shape(tree) as [string, string, null, unknown[]];
    assert.deepEqual([name, state, parent, below.sort()], ["m1", "alive", null, children.sort()]);
    assert.equal(tree?.fingerprint.slice(0, 32), m1.id);
    assert.equal(tree?.at, new Date(mesh.clock.now()).toISOString());
  });

  test("holds every node once, whatever parents masters invent", async () => {
    const [part] = meshOf(m1).parts;
    assert.ok(part !== undefined, "no part");
    const at = mesh.clock.now() + 1;
    await learn(part.registry, [
      ...everyone,
      ...[
        mesh.admission(n1, { master: m1, parent: n3, at }),
        mesh.admission(n4, { master: m1, parent: mesh.node("x"), at }),
      ],
    ]);
    const names: string[] = [];
    const walk = (tree: TreeNode): void => {
      names.push(tree.name);
      tree.children.forEach(walk);
    };
    const tree = part.registry.tree(() => "alive");
    assert.ok(tree !== undefined, "no tree");
    walk(tree);
    assert.deepEqual(names.sort(), ["m1", "m2", "n1", "n2", "n3", "n4"]);
    assert.deepEqual(part.registry.subtree(n1.id).sort(), [n1.id, n2.id, n3.id].sort());
  });
});

describe("the list of masters", () => {
  /** What records prove to who knows a root, that of this mesh when no other is named. */
  async function provedBy(records: readonly string[], { meshId, root, clock } = mesh) {
    const registry = new Registry({ meshId, rootCertificate: root.certificate, files: new MemoryFiles(), clock });
    await learn(registry, records);
    return mastersView(registry);
  }

  test("proves itself to who knows the root", async () => {
    const { first, stop } = await meshOfAll();
    const address = mesh.record("address", { node: m2.id, url: "https://b:8443", peer: "b:8444" }, m2);
    await learn(first.registry, [address]);
    await stop();
    const view = mastersView(first.registry);
    const second = view.masters.find(({ name }) => name === "m2");
    assert.deepEqual(second, {
      name: "m2",
      id: m2.id,
      url: "https://b:8443",
      peer: "b:8444",
      fingerprint: second?.fingerprint,
    });
    assert.deepEqual(new Set((await provedBy(view.records)).masters), new Set(view.masters));
  });

  test("leaves a revoked master out, and proves nothing to a stranger", async () => {
    const { first, stop } = await meshOfAll();
    await first.revoker.revoke("m2", { subtree: false, by });
    await stop();
    const view = mastersView(first.registry);
    assert.deepEqual(
      (await provedBy(view.records)).masters.map(({ name }) => name),
      ["m1"],
    );
    assert.deepEqual((await provedBy(view.records, await PaperMesh.found())).masters, []);
  });
});

test("a hello carries revocations of masters, since a holder of their certificates receives nothing else", async () => {
  const { meshId, root, clock } = mesh;
  const [registry, sleeper] = [0, 1].map(
    () => new Registry({ meshId, rootCertificate: root.certificate, files: new MemoryFiles(), clock }),
  );
  assert.ok(registry && sleeper, "no registry, or no sleeper");
  await learn(registry, [...everyone, mesh.revocation(n2, { master: m1 })]);
  await learn(sleeper, everyone);
  assert.deepEqual(registry.handshakeRecords(n1.id), registry.introduction(n1.id));
  await learn(registry, [mesh.revocation(m2, { master: m1 })]);
  await learn(sleeper, registry.handshakeRecords(m1.id));
  assert.deepEqual([sleeper.isRevoked(m2.id), sleeper.isRevoked(n2.id)], [true, false]);
  assert.ok(registry.handshakeRecords(n1.id).length <= 8, `${registry.handshakeRecords(n1.id).length}`);
});

test("a revoked node is told why with records that it believes, whoever revoked it", async () => {
  const { meshId, root, clock } = mesh;
  const [registry, revoked] = [0, 1].map(
    () => new Registry({ meshId, rootCertificate: root.certificate, files: new MemoryFiles(), clock }),
  );
  assert.ok(registry && revoked, "no registry, or no revoked");
  await learn(registry, [...everyone, mesh.revocation(n1, { master: m2 })]);
  // It slept while m2 became a master.
  await learn(revoked, [mesh.grant(m1), mesh.admission(m1, { master: m1, parent: null, approvedBy: "founder" })]);
  await learn(revoked, registry.revocationProof(n1.id));
  assert.equal(revoked.isRevoked(n1.id), true);
  assert.deepEqual(registry.revocationProof(m1.id), []);
});
