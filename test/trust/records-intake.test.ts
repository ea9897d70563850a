// Records that a node was given when it joined, offered again at every start: what was right once may not be any more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../src/core/errors.js";
import { Registry } from "../../src/pki/registry/registry.js";
import { MemoryFiles } from "../../src/storage/state-files.js";
import { acceptRecords, acceptStillGood } from "../../src/trust/records-intake.js";
import { PaperMesh } from "../pki/mesh-records.js";

const paper = await PaperMesh.found();
const [m1, m2] = [await paper.master("m1"), await paper.master("m2")];
const n1 = paper.node("n1");

function emptyRegistry(): Registry {
  const { meshId, root, clock } = paper;
  return new Registry({ meshId, rootCertificate: root.certificate, files: new MemoryFiles(), clock });
}

test("a node starts with records of a master that was revoked after it had joined", async () => {
  const registry = emptyRegistry();
  const address = (port: number) =>
    paper.record("address", { node: m2.id, url: `https://m2:${port}`, peer: `m2:${port + 1}` }, m2);
  const bootstrap = [
    ...[paper.grant(m1), paper.admission(m1, { master: m1, parent: null }), paper.grant(m2)],
    ...[paper.admission(m2, { master: m1 }), paper.admission(n1, { master: m2 }), address(8443)],
  ];
  await acceptRecords(bootstrap, registry.stores);
  paper.clock.advance(1_000);
  // The master moved, and was revoked: the address in the bootstrap records is neither known nor valid any more.
  await acceptRecords([address(9443), paper.revocation(m2, { master: m1 })], registry.stores);
  await assert.rejects(acceptRecords(bootstrap, registry.stores), HerdError);
  const reasons: unknown[] = [];
  await acceptStillGood(bootstrap, { stores: registry.stores, refused: (reason) => reasons.push(reason) });
  assert.match(String(reasons), /revoked/);
  assert.equal(reasons.length, 1);
  assert.equal(registry.node(n1.id)?.name, "n1");
});

test("records count in any order, and one that is refused keeps out no other", async () => {
  const registry = emptyRegistry();
  const forged = paper.admission(paper.node("n2"), { master: n1 });
  const bootstrap = [paper.admission(n1, { master: m1 }), paper.grant(m1), forged];
  await acceptStillGood(bootstrap, { stores: registry.stores, refused: () => undefined });
  assert.equal(registry.node(n1.id)?.name, "n1");
});
