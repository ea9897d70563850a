// Roots and leaves, judged by OpenSSL through real handshakes: what is vouched for, and what is refused.

import assert from "node:assert/strict";
import { createPublicKey, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { before, describe, test } from "node:test";
import forge from "node-forge";
import { UsageError } from "../../../src/core/usage-error.js";
import { withKeyFiles } from "../../../src/pki/state/key-files.js";
import { certify, type Issuer } from "../../../src/pki/x509/certificate.js";
import { nameScope, nameScopeOf, permits } from "../../../src/pki/x509/name-constraints.js";
import { addressBytes } from "../../../src/pki/x509/network-address.js";
import { covers, needsRenewal, publicHosts, publicLeaf } from "../../../src/pki/x509/public-leaf.js";
import { foundRoot, meshIdOf, type Root, rootIssuer } from "../../../src/pki/x509/root.js";
import { rsaKey } from "../../../src/pki/x509/rsa-key.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";
import { ownPublicLeaf } from "./own-public-leaf.js";
import { handshake } from "./tls-pair.js";

const day = 86_400_000;
// Node names X509_V_ERR_PERMITTED_VIOLATION by OpenSSL's text alone.
const refusedByConstraint = /permitted subtree violation/;
// OpenSSL judges by the machine's own time.
const clock = new ManualClock(Date.now());

describe("a mesh's root and its leaves", () => {
  let root: Root;
  let issuer: Issuer;
  before(async () => {
    root = await foundRoot({ domains: ["herd.example.org"], clock });
    issuer = rootIssuer(root);
  });
  const leafFor = (hosts: string[], from = issuer) => ownPublicLeaf({ issuer: from, hosts, nodeName: "n1", clock });

  test("the root is a CA for ten years with a random serial number, and names its mesh", async () => {
    const parsed = new X509Certificate(root.certificate);
    assert.equal(parsed.ca, true);
    assert.ok(parsed.verify(parsed.publicKey), "it is not signed by its own key");
    assert.match(parsed.serialNumber, /^[4-7][0-9A-F]{31}$/);
    const years = (Date.parse(parsed.validTo) - clock.now()) / (365.25 * day);
    assert.ok(years > 9.9 && years < 10.1, `${years}`);
    assert.match(root.meshId, /^[0-9a-f]{32}$/);
    assert.equal(meshIdOf(root.certificate), root.meshId);
    const usage = issuer.certificate.getExtension("keyUsage") as Record<string, unknown>;
    assert.deepEqual(
      [usage.critical, usage.keyCertSign, usage.cRLSign, usage.digitalSignature],
      [true, true, true, false],
    );
    assert.ok(issuer.certificate.getExtension("subjectKeyIdentifier"), "subjectKeyIdentifier");
  });

  test("the constraints are critical and read back as they were founded", () => {
    const extension = issuer.certificate.getExtension({ name: "nameConstraints" } as never) as { critical: boolean };
    assert.equal(extension.critical, true);
    assert.deepEqual(nameScopeOf(root.certificate), nameScope(["herd.example.org"]));
  });

  const inside = ["localhost", "127.0.0.1", "::1", "n1.local", "db.internal", "herd.example.org", "a.herd.example.org"];
  inside.push("10.1.2.3", "172.31.0.1", "192.168.7.7", "169.254.1.1", "fd00::1", "fe80::1");
  test("OpenSSL accepts a leaf for every kind of permitted host, over TLS 1.2 and 1.3", async () => {
    const leaf = await leafFor(inside);
    for (const host of inside) {
      assert.ok(permits(nameScope(["herd.example.org"]), host), host);
      assert.equal(await handshake(leaf, { ca: root.certificate, host }), "TLSv1.3");
    }
    assert.equal(await handshake(leaf, { ca: root.certificate, host: "::1", maxVersion: "TLSv1.2" }), "TLSv1.2");
    await assert.rejects(handshake(leaf, { ca: root.certificate, host: "other.local" }), {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  const outside = ["example.com", "localhost.example.com", "example.org", "notlocal", "local.com", "xlocalhost"];
  outside.push("8.8.8.8", "172.32.0.1", "128.0.0.1", "2001:db8::1", "::2", "::ffff:8.8.8.8");
  test("OpenSSL refuses a leaf for any host outside, even beside a permitted one", async () => {
    for (const host of outside) {
      assert.ok(!permits(nameScope(["herd.example.org"]), host), host);
      const leaf = await leafFor(["localhost", host]);
      await assert.rejects(handshake(leaf, { ca: root.certificate, host: "localhost" }), refusedByConstraint, host);
    }
  });

  test("a chain through an intermediate is as good, and as bound", async () => {
    const key = await rsaKey(2_048);
    const content = {
      commonName: "intermediate",
      publicKey: createPublicKey(key),
      notBefore: clock.now() - day,
      notAfter: clock.now() + 90 * day,
      extensions: [
        { name: "basicConstraints", cA: true, pathLenConstraint: 0, critical: true },
        { name: "keyUsage", keyCertSign: true, critical: true },
      ],
    };
    const pem = certify(content, issuer);
    const between: Issuer = { certificate: forge.pki.certificateFromPem(pem), key, chain: [pem] };
    const good = await leafFor(["localhost"], between);
    assert.equal(await handshake(good, { ca: root.certificate, host: "localhost" }), "TLSv1.3");
    const bad = await leafFor(["example.com"], between);
    await assert.rejects(handshake(bad, { ca: root.certificate, host: "example.com" }), refusedByConstraint);
  });

  test("another mesh's root vouches for nothing here", async () => {
    const other = await foundRoot({ domains: [], clock });
    await assert.rejects(handshake(await leafFor(["localhost"]), { ca: other.certificate, host: "localhost" }));
  });

  test("a leaf has names and addresses only, is for servers only, and knows its issuer", async () => {
    const leaf = await leafFor(["localhost", "::1"]);
    const parsed = new X509Certificate(leaf.certificate);
    assert.equal(parsed.subjectAltName, "DNS:localhost, IP Address:0:0:0:0:0:0:0:1");
    assert.deepEqual(parsed.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    assert.equal(parsed.ca, false);
    assert.ok(parsed.checkIssued(new X509Certificate(root.certificate)), "the root did not issue it");
    assert.notEqual(parsed.serialNumber, new X509Certificate((await leafFor(["localhost"])).certificate).serialNumber);
    assert.ok(covers(leaf, ["LOCALHOST", "0:0::1"]), `${leaf.hosts}`);
    assert.ok(!covers(leaf, ["localhost", "127.0.0.1"]), `${leaf.hosts}`);
  });

  test("a leaf is due at two thirds of its thirty days, and when the clock went back", async () => {
    const leaf = await leafFor(["localhost"]);
    const at = (days: number) => new ManualClock(clock.now() + days * day);
    assert.deepEqual(
      [-1, 0, 19.9, 20.1, 31].map((days) => needsRenewal(leaf, at(days))),
      [true, false, false, true, true],
    );
  });

  test("a key that is another leaf's is refused", async () => {
    const [one, other] = await Promise.all([leafFor(["localhost"]), leafFor(["localhost"])]);
    assert.throws(() => publicLeaf(one.certificate, other.key), TypeError);
  });

  test("key files are private, and gone afterwards, also after an error", async () => {
    const leaf = await leafFor(["localhost"]);
    let cert = "";
    await withKeyFiles(leaf, async (files) => {
      cert = files.cert;
      assert.equal(await readFile(files.key, "utf8"), leaf.key);
      assert.equal(await readFile(files.cert, "utf8"), leaf.certificate);
      if (process.platform === "win32") return;
      assert.equal((await stat(files.key)).mode & 0o777, 0o600);
      assert.equal((await stat(dirname(files.key))).mode & 0o777, 0o700);
    });
    assert.equal(existsSync(dirname(cert)), false);
    const failed = withKeyFiles(leaf, async (files) => {
      cert = files.cert;
      throw new Error("no port");
    });
    await assert.rejects(failed, /no port/);
    assert.equal(existsSync(dirname(cert)), false);
  });
});

test("the hosts of a leaf: loopback, what is advertised, the machine's name where it may be", () => {
  const scope = nameScope([]);
  const always = ["localhost", "127.0.0.1", "::1"];
  const hosts = (advertise: string, hostName: string) => publicHosts({ advertise, hostName, scope });
  assert.deepEqual(hosts("localhost", "Desk"), [...always, "desk.local"]);
  assert.deepEqual(hosts("192.168.1.5", "desk.internal."), [...always, "192.168.1.5", "desk.internal", "desk.local"]);
  assert.deepEqual(hosts("localhost", "bad_name"), always);
  assert.throws(() => hosts("herd.example.org", "desk"), UsageError);
  assert.throws(() => hosts("8.8.8.8", "desk"), /private addresses only/);
});

test("addresses are read as OpenSSL reads them", () => {
  const hex = (text: string) => addressBytes(text)?.toString("hex");
  assert.equal(hex("10.0.0.255"), "0a0000ff");
  assert.equal(hex("::"), "0".repeat(32));
  assert.equal(hex("fe80::1"), `fe80${"0".repeat(27)}1`);
  assert.equal(hex("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
  assert.equal(hex("::ffff:1.2.3.4"), `${"0".repeat(20)}ffff01020304`);
  for (const text of ["", "localhost", "1.2.3", "256.0.0.1", "fe80::1%eth0", "[::1]", "1:2"]) {
    assert.equal(hex(text), undefined);
  }
});
