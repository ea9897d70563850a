// Revocation lists: the right serials, at every node, after each revocation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CrlIssuer, CrlStore } from "../../../src/pki/identity/crl-store.js";
import { IssuedLedger } from "../../../src/pki/identity/issued-ledger.js";
import { Registry } from "../../../src/pki/registry/registry.js";
import { crlLifetimeMs, issueCrl } from "../../../src/pki/x509/crl.js";
import { rootIssuer } from "../../../src/pki/x509/root.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { ManualTime } from "../../harness/virtual/manual-time.js";
import { silent } from "../audit/silent-log.js";
import { PaperMesh } from "../mesh-records.js";

const mesh = await PaperMesh.found();
const { meshId, clock } = mesh;
const m1 = await mesh.master("m1");
const [n1, n2] = [mesh.node("n1"), mesh.node("n2")];
const day = 86_400_000;

/** Serials in a list, found in its DER: each stands there as it is, behind its tag and length. */
const lists = (pem: string, serial: string): boolean => {
  const der = Buffer.from(pem.replace(/-----.*?-----/g, ""), "base64").toString("hex");
  return der.includes(`0210${serial}`);
};

async function master() {
  const registry = new Registry({ meshId, rootCertificate: mesh.root.certificate, files: new MemoryFiles(), clock });
  await registry.grants.accept(mesh.grant(m1));
  await registry.admissions.accept(mesh.admission(m1, { master: m1, parent: null, approvedBy: "founder" }));
  for (const node of [n1, n2]) await registry.admissions.accept(mesh.admission(node, { master: m1 }));
  const crls = new CrlStore({ meshId, files: new MemoryFiles(), clock, registry, log: silent });
  const issued = new IssuedLedger({ files: new MemoryFiles(), clock });
  const timers = new ManualTime();
  const publish = async (_kind: string, text: string) => assert.equal(await crls.store.accept(text), "new");
  // The root stands in for the master's CA: its certificate and key are a pair.
  const issuer = rootIssuer(mesh.root);
  const shared = { meshId, issuer, signer: m1.signer, issued, crls, registry, publish, clock, timers, log: silent };
  return { registry, crls, issued, timers, issuer: new CrlIssuer(shared) };
}

test("a list is there from the start, and has the certificates of whoever is revoked", async () => {
  const { registry, crls, issued, issuer } = await master();
  const [ended, peer, open, other] = ["41", "42", "43", "44"].map((digit) => digit.repeat(16));
  assert.ok(
    ended !== undefined && peer !== undefined && open !== undefined && other !== undefined,
    "no ended, or no peer, or no open, or no other",
  );
  await issued.record(n1.id, [{ serial: ended, notAfter: clock.now() - 1 }]);
  await issued.record(n1.id, [
    { serial: peer, notAfter: clock.now() + day },
    { serial: open, notAfter: clock.now() + 30 * day },
  ]);
  await issued.record(n2.id, [{ serial: other, notAfter: clock.now() + day }]);
  issuer.start();
  issuer.start();
  await issuer.stop();
  assert.match(crls.pem(), /^-----BEGIN X509 CRL-----\n[\s\S]+-----END X509 CRL-----\n$/);
  assert.equal(lists(crls.pem(), peer), false);
  issuer.start();
  await registry.revocations.accept(mesh.revocation(n1, { master: m1 }));
  await issuer.stop();
  assert.deepEqual(
    [ended, peer, open, other].map((serial) => lists(crls.pem(), serial)),
    [false, true, true, false],
  );
});

test("a list is made anew well before it ends", async () => {
  const { crls, issuer, timers } = await master();
  issuer.start();
  await issuer.stop();
  const first = crls.store.at(m1.id)?.payload.at ?? 0;
  issuer.start();
  await timers.pass(crlLifetimeMs / 2);
  await issuer.stop();
  assert.ok((crls.store.at(m1.id)?.payload.at ?? 0) > first, `${crls.store.at(m1.id)?.payload.at}, ${first}`);
  assert.equal(timers.waiting, 0);
});

test("what is signed is known after a restart, until it has expired", async () => {
  const files = new MemoryFiles();
  const ledger = new IssuedLedger({ files, clock });
  const certificate = { serial: "41".repeat(16), notAfter: clock.now() + day };
  await Promise.all([n1, n2].map(({ id }) => ledger.record(id, [certificate])));
  const restarted = new IssuedLedger({ files, clock });
  await restarted.open();
  assert.deepEqual(restarted.of(n1.id), [certificate]);
  assert.deepEqual(new Set(restarted.nodes()), new Set([n1.id, n2.id]));
  clock.advance(day);
  assert.deepEqual(restarted.of(n1.id), []);
  await files.write(`issued-${n1.id.slice(0, 2)}`, "[]");
  await assert.rejects(new IssuedLedger({ files, clock }).open(), coded("internal", /is damaged/));
});

test("a master's list is for that master to sign, and for nobody who was revoked", async () => {
  const { registry, crls } = await master();
  const m2 = await mesh.master("m2");
  await registry.grants.accept(mesh.grant(m2));
  const pem = issueCrl({ issuer: rootIssuer(mesh.root), revoked: [], number: 1, clock });
  const accept = (node: typeof m1) => crls.store.accept(mesh.record("crl", { master: m2.id, pem }, node));
  await assert.rejects(accept(m1), coded("auth.invalid", /its master/));
  await registry.revocations.accept(mesh.revocation(m2, { master: m1 }));
  await assert.rejects(accept(m2), coded("auth.invalid", /revoked/));
  assert.equal(crls.pem(), "");
});

test("a list of very many certificates still fits a record", async () => {
  const { registry, crls, issued, issuer } = await master();
  const certificates = Array.from({ length: 2_000 }, (_, index) => ({
    serial: (index + 0x4000_0000).toString(16).padEnd(32, "0"),
    notAfter: clock.now() + day + index,
  }));
  await issued.record(n1.id, certificates);
  await registry.revocations.accept(mesh.revocation(n1, { master: m1 }));
  issuer.start();
  await issuer.stop();
  assert.equal(lists(crls.pem(), certificates.at(-1)?.serial ?? ""), true);
  assert.equal(lists(crls.pem(), certificates[0]?.serial ?? ""), false);
});
