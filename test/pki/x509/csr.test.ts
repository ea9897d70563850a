// Certificate requests: the key comes through, and nothing else does.

import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from "node:crypto";
import { before, describe, test } from "node:test";
import forge from "node-forge";
import { issueLeaves } from "../../../src/pki/identity/enrollment-issue.js";
import { csrLimitBytes, makeCsr, parseCsr } from "../../../src/pki/x509/csr.js";
import { decodeDer, encodeDer, objectIdentifier, sequence, toPem, wholeNumber } from "../../../src/pki/x509/der.js";
import { nameScope } from "../../../src/pki/x509/name-constraints.js";
import { rsaKey } from "../../../src/pki/x509/rsa-key.js";
import { coded } from "../../core/coded.js";
import { pemOf, TestMesh } from "../../harness/tls/test-mesh.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";
import { hugeCsr, request } from "./hand-made-csr.js";

const refused = (text: string) => coded("join.refused", text);

const spkiOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: "spki", format: "der" });

describe("certificate requests", () => {
  let key: KeyObject;
  before(async () => {
    key = await rsaKey(2_048);
  });

  test("a request gives its public key, and OpenSSL's own form of one does too", () => {
    assert.ok(parseCsr(makeCsr(key)).publicKey.equals(createPublicKey(key)), "another key");
    assert.ok(
      parseCsr(makeCsr(key).replaceAll("\n", "\r\n")).publicKey.equals(createPublicKey(key)),
      "another key, with CRLF",
    );
    const parsed = forge.pki.certificationRequestFromPem(makeCsr(key));
    assert.ok(parsed.verify(), "the request does not verify");
    assert.deepEqual(parsed.subject.attributes, []);
  });

  test("what a request asks for is ignored: names, a CA, marks", async () => {
    const greedy = forge.pki.createCertificationRequest();
    greedy.publicKey = forge.pki.publicKeyFromPem(
      createPublicKey(key).export({ type: "spki", format: "pem" }) as string,
    );
    greedy.setSubject([{ name: "commonName", value: "example.com" }]);
    const extensions = [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [{ type: 2, value: "example.com" }] },
    ];
    greedy.setAttributes([{ name: "extensionRequest", extensions } as never]);
    greedy.sign(forge.pki.privateKeyFromPem(pemOf(key)) as forge.pki.rsa.PrivateKey, forge.md.sha256.create());
    const csr = parseCsr(forge.pki.certificationRequestToPem(greedy));
    const clock = new ManualClock(Date.now());
    const mesh = await TestMesh.found(clock);
    const certifier = {
      meshId: mesh.root.meshId,
      scope: nameScope([]),
      masterIssuer: mesh.master,
      tokenKey: undefined,
      clock,
      rootIssuer: () => assert.fail("no root is needed"),
      rootSign: () => assert.fail("no root is needed"),
    };
    const node = { nodeId: "a".repeat(32), name: "n2", hosts: ["n2.local"], deploy: false, master: false };
    const signed = issueLeaves({ ...node, csr, publicCsr: csr }, certifier);
    const [peer, open] = [signed.peerCertificate, signed.publicCertificate].map(
      (pem) => new X509Certificate(pem ?? ""),
    );
    assert.ok(peer && open, "no peer, or no open");
    for (const leaf of [peer, open]) {
      assert.equal(leaf.ca, false);
      assert.doesNotMatch(`${leaf.subject} ${leaf.subjectAltName}`, /example/);
    }
    assert.deepEqual(
      signed.issued.map(({ serial }) => serial),
      [peer, open].map((leaf) => leaf.serialNumber.toLowerCase()),
    );
    assert.match(open.subjectAltName ?? "", /^DNS:localhost, .*DNS:n2\.local$/);
    assert.doesNotMatch(open.subjectAltName ?? "", /URI/, "Chromium refuses a URI below a constraint on URIs");
    for (const host of ["example.com", "8.8.8.8", "x, DNS:y.local", "*.local", ""]) {
      assert.throws(() => issueLeaves({ ...node, publicCsr: csr, hosts: [host] }, certifier), refused("vouch for"));
    }
  });

  test("keys that are too small, too large, or odd are refused", () => {
    const small = generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey;
    assert.throws(() => parseCsr(makeCsr(small)), refused("1024 bits"));
    const three = generateKeyPairSync("rsa", { modulusLength: 2_048, publicExponent: 3 }).privateKey;
    assert.throws(() => parseCsr(makeCsr(three)), refused("exponent"));
    const { privateKey: curve } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const bySomeCurve = request(decodeDer(spkiOf(curve)), (content) => sign("sha256", content, curve));
    assert.throws(() => parseCsr(bySomeCurve), refused("not RSA"));
    const { privateKey: edwards } = generateKeyPairSync("ed25519");
    assert.throws(() => parseCsr(request(decodeDer(spkiOf(edwards)), () => Buffer.alloc(64))), refused("not RSA"));
    const huge = hugeCsr();
    assert.ok(huge.length < csrLimitBytes, `${huge.length}, ${csrLimitBytes}`);
    assert.throws(() => parseCsr(huge), refused("16384 bits"));
  });

  test("a request that its key did not sign is refused", async () => {
    const other = await rsaKey(2_048);
    const spki = decodeDer(spkiOf(key));
    const stolen = request(spki, (content) => sign("sha256", content, other));
    assert.throws(() => parseCsr(stolen), refused("signature"));
    const weak = sequence(objectIdentifier("1.2.840.113549.1.1.5"), decodeDer(Buffer.of(5, 0)));
    assert.throws(() => parseCsr(request(spki, (content) => sign("sha1", content, key), weak)), refused("SHA-256"));
  });

  test("anything else is refused", () => {
    const good = makeCsr(key);
    const der = Buffer.from(good.split("-----")[2] ?? "", "base64");
    const nested = Buffer.concat(Array.from({ length: 1_500 }, () => Buffer.of(0x30, 0x80)));
    for (const text of [
      "",
      "x".repeat(csrLimitBytes),
      good + good,
      good.replaceAll("CERTIFICATE REQUEST", "CERTIFICATE"),
      toPem("CERTIFICATE REQUEST", der.subarray(0, -1)),
      toPem("CERTIFICATE REQUEST", Buffer.concat([der, Buffer.of(0)])),
      toPem("CERTIFICATE REQUEST", nested),
      toPem("CERTIFICATE REQUEST", encodeDer(sequence())),
      toPem("CERTIFICATE REQUEST", encodeDer(wholeNumber(1))),
    ]) {
      assert.throws(() => parseCsr(text), refused("cannot be read"), text.slice(0, 100));
    }
    assert.throws(() => parseCsr("x".repeat(csrLimitBytes + 1)), refused("more than"));
    for (let index = 0; index < der.length; index++) {
      const changed = Buffer.from(der);
      changed[index] = (changed[index] ?? 0) ^ 0xff;
      assert.throws(
        () => parseCsr(toPem("CERTIFICATE REQUEST", changed)),
        refused("request is refused"),
        `byte ${index}`,
      );
    }
  });
});
