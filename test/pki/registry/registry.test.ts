// The registry: who may say what, who is in, and that the order in which it is told makes no difference.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Registry } from "../../../src/pki/registry/registry.js";
import { keyIdentifierOf } from "../../../src/pki/x509/certificate.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { offer, offerAll } from "../identity/offering.js";
import { PaperMesh, resigned } from "../mesh-records.js";

const mesh = await PaperMesh.found();
const m1 = await mesh.master("m1");
const m2 = await mesh.master("m2");
const [n1, n2] = [mesh.node("n1"), mesh.node("n2")];
const at = mesh.clock.now();

const refused = (text: RegExp) => coded("auth.invalid", text);

function registryOver(files = new MemoryFiles()): Registry {
  const { meshId, clock, root } = mesh;
  return new Registry({ meshId, rootCertificate: root.certificate, files, clock });
}

const founding = [mesh.grant(m1), mesh.admission(m1, { master: m1, parent: null, approvedBy: "founder" })];
const founded = async (...texts: string[]) => offerAll(registryOver(), [...founding, ...texts]);

describe("what counts", () => {
  test("the founder, then who it let in, with all that is said of them", async () => {
    const registry = await founded(mesh.admission(n1, { master: m1, deploy: false }));
    const founder = registry.node(m1.id);
    assert.deepEqual(
      [founder?.name, founder?.master, founder?.parent, founder?.approvedBy, founder?.at],
      ["m1", true, undefined, "founder", at],
    );
    const node = registry.node(n1.id);
    assert.deepEqual([node?.master, node?.deploy, node?.parent, node?.revoked], [false, false, m1.id, false]);
    assert.equal(node?.fingerprint.slice(0, 32), n1.id);
    assert.equal(registry.byName("n1")?.id, n1.id);
    assert.equal(registry.nodes().length, 2);
  });

  test("a record of a signer that is not known yet waits", async () => {
    const registry = registryOver();
    const admission = mesh.admission(n1, { master: m2 });
    assert.equal(await offer(registry, admission), "waiting");
    assert.equal(registry.node(n1.id), undefined);
    await offerAll(registry, [...founding, mesh.admission(m2, { master: m1 })]);
    assert.equal(await offer(registry, admission), "waiting", "admitted, but the grant is on its way");
    await offerAll(registry, [mesh.grant(m2), admission]);
    assert.equal(await offer(registry, admission), "known");
  });

  test("a node that is no master admits and revokes nobody", async () => {
    const registry = await founded(mesh.admission(n1, { master: m1 }));
    await assert.rejects(offer(registry, mesh.admission(n2, { master: n1 })), refused(/no master/));
    await assert.rejects(offer(registry, mesh.revocation(m1, { master: n1 })), refused(/no master/));
    assert.equal(registry.node(n2.id), undefined);
  });

  test("what is changed, forged, oversized, of another mesh or of the future is refused", async () => {
    const other = await PaperMesh.found();
    const registry = await founded();
    const admission = mesh.admission(n1, { master: m1, deploy: false });
    const { payload, signer, signature } = JSON.parse(admission) as Record<string, string>;
    const rewritten = (change: object) => JSON.stringify({ payload, signer, signature, ...change });
    const swapped = JSON.stringify({ ...(JSON.parse(payload ?? "") as object), node: n2.id });
    const cases: [string, RegExp][] = [
      ["", /not a signed record/],
      ["{}", /not a signed record/],
      [`${admission}${" ".repeat(65_536)}`, /not a signed record/],
      [rewritten({ payload: payload?.replace('"deploy":false', '"deploy":true') }), /not what node/],
      [rewritten({ signature: "AAAA" }), /not what node/],
      [rewritten({ payload: swapped }), /not a well-formed admission/],
      [rewritten({ payload: "[]" }), /not a well-formed admission/],
      [rewritten({ payload: payload?.replace('"name":"n1"', '"name":"n\\u0000"') }), /not a well-formed admission/],
      [other.admission(n1, { master: m1 }), /another mesh/],
      [mesh.admission(n1, { master: m1, at: at + 601_000 }), /future/],
    ];
    for (const [text, reason] of cases)
      await assert.rejects(registry.admissions.accept(text), refused(reason), text.slice(0, 300));
    const foreign = await other.master("m9");
    await assert.rejects(offer(registry, other.grant(foreign)), refused(/another mesh/));
    const selfMade = resigned(mesh.grant(m2), m2);
    await assert.rejects(offer(registry, selfMade), refused(/root/));
    await assert.rejects(offer(registry, selfMade.replace(`"signer":"${m2.id}"`, `"signer":"root"`)), refused(/root/));
    assert.equal(registry.nodes().length, 1);
  });

  test("a restart knows what was accepted, and a damaged file is named", async () => {
    const files = new MemoryFiles();
    await offerAll(registryOver(files), [
      ...founding,
      mesh.admission(n1, { master: m1 }),
      mesh.revocation(n1, { master: m1 }),
    ]);
    const registry = registryOver(files);
    await registry.open();
    assert.equal(registry.isRevoked(n1.id), true);
    assert.equal(registry.nodes().length, 2);
    await files.write("admission-0", "{}");
    await assert.rejects(registryOver(files).open(), coded("internal", /admission-0 is damaged/));
  });

  test("what could not be stored does not count, and counts when it can be", async () => {
    const files = new MemoryFiles();
    const registry = await offerAll(registryOver(files), founding);
    const { write } = files;
    files.write = async () => Promise.reject(new Error("disk full"));
    const admission = mesh.admission(n1, { master: m1 });
    await assert.rejects(offer(registry, admission), /disk full/);
    assert.equal(registry.node(n1.id), undefined);
    files.write = write;
    await offerAll(registry, [admission]);
  });

  test("many records at a time share writes, and all are there after a restart", async () => {
    const files = new MemoryFiles();
    const registry = await offerAll(registryOver(files), founding);
    let writes = 0;
    const write = files.write.bind(files);
    files.write = async (name, content) => {
      writes++;
      await write(name, content);
    };
    const admissions = Array.from({ length: 300 }, (_, index) =>
      mesh.admission(mesh.node(`n${index}`), { master: m1 }),
    );
    assert.deepEqual(new Set(await Promise.all(admissions.map((text) => offer(registry, text)))), new Set(["new"]));
    assert.ok(writes < 20, `${writes} writes`);
    const restarted = registryOver(files);
    await restarted.open();
    assert.equal(restarted.nodes().length, 301);
  });

  test("the same record offered twice at once is new once", async () => {
    const registry = await founded();
    const text = mesh.admission(n1, { master: m1 });
    const answers = await Promise.all([offer(registry, text), offer(registry, text)]);
    assert.deepEqual(answers.sort(), ["known", "new"]);
  });
});

describe("revocation", () => {
  const peer = { nodeId: n1.id, issuer: keyIdentifierOf(m2.certificate ?? ""), notAfter: at + 86_400_000 };

  test("a revoked node is refused, and heard of once", async () => {
    const registry = await founded(mesh.admission(n1, { master: m1 }));
    const heard: string[] = [];
    registry.onRevoked(() => {
      throw new Error("a listener that fails keeps no other from hearing");
    });
    registry.onRevoked((node) => heard.push(node));
    registry.check(peer);
    await offer(registry, mesh.revocation(n1, { master: m1 }));
    assert.throws(() => registry.check(peer), refused(/revoked/));
    await offer(registry, mesh.revocation(n1, { master: m1, at: at - 5 }));
    assert.deepEqual(heard, [n1.id]);
    assert.equal(registry.node(n1.id)?.revoked, true);
  });

  test("an expired certificate is refused", async () => {
    const registry = await founded();
    registry.check({ ...peer, notAfter: at + 1 });
    assert.throws(() => registry.check({ ...peer, notAfter: at }), refused(/expired/));
  });

  test("a node can be revoked before anybody here heard of it, and its admission changes nothing", async () => {
    const registry = await founded(mesh.revocation(n1, { master: m1 }));
    assert.equal(registry.isRevoked(n1.id), true);
    await offer(registry, mesh.admission(n1, { master: m1, at: at + 1_000 }));
    assert.equal(registry.node(n1.id)?.revoked, true);
  });

  test("a revoked master signs nothing that counts, and what it issued is refused", async () => {
    const registry = await founded(
      ...[mesh.grant(m2), mesh.admission(m2, { master: m1 }), mesh.admission(n1, { master: m2 })],
    );
    registry.check(peer);
    await offer(registry, mesh.revocation(m2, { master: m1 }));
    assert.throws(() => registry.check(peer), refused(/issued by a revoked master/));
    assert.equal(registry.issuerRevoked(peer.issuer), true);
    assert.deepEqual(
      registry.masters().map(({ name }) => name),
      ["m1"],
    );
    await assert.rejects(offer(registry, mesh.admission(n2, { master: m2 })), refused(/revoked/));
    await assert.rejects(offer(registry, mesh.revocation(m1, { master: m2, at: at - 1_000 })), refused(/revoked/));
    assert.throws(() => registry.verify(m2.signer.sign("{}")), refused(/revoked/));
  });

  test("a grant that comes after the revocation of its master makes it none", async () => {
    const registry = await founded(mesh.revocation(m2, { master: m1 }), mesh.grant(m2));
    assert.throws(() => registry.check(peer), refused(/issued by a revoked master/));
    assert.equal(registry.masters().length, 1);
  });

  test("records of a revoked master stay in place, and reach others once another master signs them", async () => {
    const admission = mesh.admission(n1, { master: m2 });
    const revocation = mesh.revocation(n2, { master: m2 });
    const before = [mesh.grant(m2), mesh.admission(m2, { master: m1 })];
    const registry = await founded(...before, admission, revocation, mesh.revocation(m2, { master: m1 }));
    assert.equal(registry.node(n1.id)?.revoked, false);
    assert.equal(registry.isRevoked(n2.id), true);
    assert.equal([...registry.admissions.ids()].length, 2, "not offered");
    const late = await founded(...before, mesh.revocation(m2, { master: m1 }));
    await assert.rejects(offer(late, admission), refused(/revoked/));
    const again = registry.orphans().map(({ payload }) => JSON.stringify(m1.signer.sign(payload)));
    assert.equal(again.length, 2);
    await offerAll(registry, again);
    await offerAll(late, again);
    for (const each of [registry, late]) {
      assert.deepEqual(each.orphans(), []);
      assert.equal([...each.admissions.ids()].length, 3);
      assert.equal(each.node(n1.id)?.parent, m2.id);
      assert.equal(each.isRevoked(n2.id), true);
    }
  });

  test("the root may revoke, whoever else was revoked", async () => {
    const registry = await founded();
    await offer(registry, mesh.byRoot(mesh.payload("revocation", { node: m1.id, by: "root" })));
    assert.deepEqual(registry.masters(), []);
  });
});

test("names are unique, and cut where a number has to fit", async () => {
  const long = mesh.node(`${"a".repeat(60)}-bc`);
  const registry = await founded(
    ...[mesh.admission(n1, { master: m1 }), mesh.admission(long, { master: m1 }), mesh.revocation(n1, { master: m1 })],
  );
  assert.equal(registry.freeName("n3"), "n3");
  assert.equal(registry.freeName("n1"), "n1-2", "a revoked node keeps its name");
  assert.equal(registry.freeName(long.name), `${"a".repeat(60)}-2`);
  await offer(registry, mesh.admission({ ...n2, name: "n1" }, { master: m1, at: at + 1 }));
  assert.equal(registry.byName("n1")?.id, n2.id, "of two, the one that is not revoked");
});

test("masters are known with their newest address", async () => {
  const registry = await founded();
  assert.deepEqual(registry.masters(), [{ node: m1.id, name: "m1", url: undefined, peer: undefined }]);
  const address = (url: string, peer: string | null, when: number) =>
    mesh.record("address", { node: m1.id, url, peer, at: when }, m1);
  await offer(registry, address("https://b:1", "b:2", at));
  assert.equal(await offer(registry, address("https://a:1", "a:2", at - 1)), "known");
  await offer(registry, mesh.admission(n1, { master: m1 }));
  await assert.rejects(
    offer(registry, mesh.record("address", { node: m1.id, url: "https://c:1", peer: null }, n1)),
    refused(/for that master/),
  );
  assert.deepEqual(registry.masters(), [{ node: m1.id, name: "m1", url: "https://b:1", peer: "b:2" }]);
});

test("an introduction lets a stranger know a node", async () => {
  const registry = await founded(
    ...[mesh.grant(m2), mesh.admission(m2, { master: m1 }), mesh.admission(n1, { master: m2 })],
  );
  const stranger = await offerAll(registryOver(), founding);
  for (const id of [m2.id, n1.id]) for (const text of registry.introduction(id)) await offer(stranger, text);
  assert.equal(stranger.node(n1.id)?.parent, m2.id);
  assert.ok(registry.introduction(n1.id).length <= 8, `${registry.introduction(n1.id).length}`);
  assert.deepEqual(registry.introduction("f".repeat(32)), []);
});
