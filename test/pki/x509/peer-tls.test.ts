// Real handshakes decide on a peer's identity: OpenSSL judges the chain, `peerIdentityOf` its contents.

import assert from "node:assert/strict";
import { createPublicKey, X509Certificate } from "node:crypto";
import { before, describe, test } from "node:test";
import { certify, certifySelf, issuerOf, keyIdentifierOf } from "../../../src/pki/x509/certificate.js";
import { issueCrl } from "../../../src/pki/x509/crl.js";
import { peerIdentityOf } from "../../../src/pki/x509/peer-identity.js";
import { issuePublicLeaf } from "../../../src/pki/x509/public-leaf.js";
import { rootIssuer } from "../../../src/pki/x509/root.js";
import { coded } from "../../core/coded.js";
import { pemOf, TestMesh } from "../../harness/tls/test-mesh.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";
import { type Credential, type Handshake, mutualHandshake } from "./mutual-tls.js";

const hour = 3_600_000;
const day = 24 * hour;
const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(32)) as [string, string, string];
// OpenSSL judges by the machine's own time.
const clock = new ManualClock(Date.now());

describe("peers", () => {
  let mesh: TestMesh;
  let other: TestMesh;
  let ca: string;
  let meshId: string;
  before(async () => {
    [mesh, other] = await Promise.all([TestMesh.found(clock), TestMesh.found(clock)]);
    ({ certificate: ca, meshId } = mesh.root);
  });

  const shake = (options: {
    client?: Credential | undefined;
    server?: Credential;
    crl?: string[];
  }): Promise<Handshake> =>
    mutualHandshake({
      ca,
      meshId,
      server: options.server ?? mesh.peer(a),
      client: options.client,
      ...(options.crl === undefined ? {} : { tls: { crl: options.crl } }),
    });

  /**
   * Refused on either side of a handshake, by the other side, for this reason. Node has no code for some
   * of OpenSSL's reasons, and a server is told the code alone: `UNSPECIFIED` stands for these.
   */
  async function refused(credential: Credential, reason: RegExp): Promise<void> {
    const asClient = await shake({ client: credential });
    assert.match("refused" in asClient.server ? asClient.server.refused : "accepted", reason, "as a client");
    const asServer = await shake({ server: credential, client: mesh.peer(a) });
    assert.match("refused" in asServer.client ? asServer.client.refused : "accepted", reason, "as a server");
  }

  test("two nodes of a mesh know each other, with their marks", async () => {
    const server = mesh.peer(a, { master: true, deploy: true });
    const client = mesh.peer(b);
    const seen = await shake({ server, client });
    assert.ok("peer" in seen.client && "peer" in seen.server, JSON.stringify(seen));
    const parsed = new X509Certificate(server.certificate);
    assert.deepEqual(seen.client.peer, {
      nodeId: a,
      serial: parsed.serialNumber.toLowerCase(),
      issuer: keyIdentifierOf(mesh.master.chain[0] ?? ""),
      master: true,
      deploy: true,
      notAfter: Date.parse(parsed.validTo),
    });
    assert.deepEqual([seen.server.peer.nodeId, seen.server.peer.master, seen.server.peer.deploy], [b, false, false]);
    assert.deepEqual(peerIdentityOf(server.certificate, meshId), seen.client.peer);
  });

  test("a peer leaf has one URI, a day, and no more than its issuer's time", () => {
    const parsed = new X509Certificate(mesh.peer(a).certificate);
    assert.equal(parsed.subjectAltName, `URI:spiffe://${meshId}/node/${a}`);
    const life = Date.parse(parsed.validTo) - clock.now();
    assert.ok(life <= day && life > day - 2_000, `${life}, ${day}, ${day - 2_000}`);
    const late = new ManualClock(mesh.master.certificate.validity.notAfter.getTime() - hour);
    const short = new X509Certificate(mesh.peer(a, { clock: late }).certificate);
    assert.equal(Date.parse(short.validTo), mesh.master.certificate.validity.notAfter.getTime());
  });

  test("refused: nothing shown, another root, a self-signed leaf, one that ran out", async () => {
    const silent = await shake({ client: undefined });
    assert.ok("refused" in silent.server, JSON.stringify(silent.server));
    await refused(other.peer(b), /^(UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED_CERT_IN_CHAIN)/);
    const selfSigned = certifySelf(
      {
        commonName: "Wasmherd peer",
        notBefore: clock.now() - hour,
        notAfter: clock.now() + hour,
        extensions: [
          { name: "extKeyUsage", clientAuth: true, serverAuth: true },
          { name: "subjectAltName", altNames: [mesh.uri(b)] },
        ],
      },
      mesh.leafKey,
    );
    await refused({ certificate: selfSigned, key: pemOf(mesh.leafKey) }, /^DEPTH_ZERO_SELF_SIGNED_CERT/);
    await refused(mesh.peer(b, { clock: new ManualClock(clock.now() - 25 * hour) }), /^CERT_HAS_EXPIRED/);
    await refused(mesh.peer(b, { clock: new ManualClock(clock.now() + 3 * hour) }), /^CERT_NOT_YET_VALID/);
  });

  test("refused: a chain that bears a CA's name and another one's signature", async () => {
    const forged = issuerOf(mesh.master.chain[0] ?? "", other.masterKey, mesh.master.chain);
    // The key identifier is public, so the forger names the right one.
    const content = mesh.leaf({ issuer: { ...forged, key: mesh.masterKey } });
    const bytes = Buffer.from(content.certificate.split("-----")[2] ?? "", "base64");
    bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
    const pem = `-----BEGIN CERTIFICATE-----\n${bytes.toString("base64")}\n-----END CERTIFICATE-----\n`;
    await refused({ ...content, certificate: pem + mesh.master.chain.join("") }, /^CERT_SIGNATURE_FAILURE/);
  });

  test("refused: a leaf that acts as a CA, a CA below a master, a master's certificate as a leaf", async () => {
    const leaf = mesh.peer(b);
    const acting = issuerOf(leaf.certificate, mesh.leafKey, [leaf.certificate]);
    await refused(mesh.leaf({ issuer: acting }), /^UNSPECIFIED$|key usage does not include certificate signing/);
    const content = {
      commonName: "Wasmherd below",
      publicKey: createPublicKey(mesh.leafKey),
      notBefore: clock.now() - hour,
      notAfter: clock.now() + day,
      extensions: [
        { name: "basicConstraints", cA: true, critical: true },
        { name: "keyUsage", keyCertSign: true, critical: true },
      ],
    };
    const below = certify(content, mesh.master);
    const chain = [below, ...mesh.master.chain];
    await refused(mesh.leaf({ issuer: issuerOf(below, mesh.leafKey, chain) }), /^PATH_LENGTH_EXCEEDED/);
    await refused(mesh.masterCredential(), /^INVALID_PURPOSE/);
  });

  test("refused: a public leaf, whichever side shows it", async () => {
    const publicKey = createPublicKey(mesh.leafKey);
    const certificate = issuePublicLeaf({
      issuer: mesh.master,
      publicKey,
      hosts: ["localhost"],
      nodeName: "n",
      clock,
    });
    // To OpenSSL it may be a server's; it is none of a peer's.
    await refused({ certificate, key: pemOf(mesh.leafKey) }, /^INVALID_PURPOSE|not for peers/);
    await refused(mesh.leaf({ usages: { clientAuth: true } }), /^INVALID_PURPOSE|not for peers/);
  });

  test("refused: no name, a name that is no URI, a URI of another mesh or another form", async () => {
    await refused(mesh.leaf({ names: [] }), /it names no node/);
    await refused(mesh.leaf({ names: [{ type: 2, value: "localhost" }] }), /its name is no URI/);
    await refused(mesh.leaf({ names: [mesh.uri(b, other.root.meshId)] }), /^UNSPECIFIED$|permitted subtree violation/);
    const odd = ["/node/", `/node/${b}/x`, `/node/${b.toUpperCase()}`, `/node/${b}?x`, ""];
    for (const path of odd) {
      await refused(mesh.leaf({ names: [{ type: 6, value: `spiffe://${meshId}${path}` }] }), /its URI names no node/);
    }
  });

  test("refused: two URIs, a host beside the URI, and a URI that looks like two names when printed", async () => {
    await refused(mesh.leaf({ names: [mesh.uri(b), mesh.uri(c)] }), /more than one name/);
    await refused(mesh.leaf({ names: [mesh.uri(b), { type: 2, value: "localhost" }] }), /more than one name/);
    const tricky = `spiffe://${meshId}/x, URI:spiffe://${meshId}/node/${b}`;
    const twoInPrint = mesh.leaf({ names: [{ type: 6, value: tricky }] });
    // OpenSSL takes what is before the last colon for the host.
    await refused(twoInPrint, /^UNSPECIFIED$|permitted subtree violation/);
    assert.throws(() => peerIdentityOf(twoInPrint.certificate, meshId), coded("auth.invalid", "its URI names no node"));
    await refused(
      mesh.leaf({ names: [{ type: 6, value: `spiffe://${meshId}/node/${b}\0` }] }),
      /its URI names no node/,
    );
  });

  test("a certificate of another mesh is refused by its URI alone, where no chain says so", () => {
    assert.throws(() => peerIdentityOf(other.peer(b).certificate, meshId), coded("auth.invalid", "of another mesh"));
    assert.throws(() => peerIdentityOf(mesh.masterCredential().certificate, meshId), coded("auth.invalid", "CA's"));
    for (const garbage of ["", "x".repeat(20_000), Buffer.alloc(100), "-----BEGIN CERTIFICATE-----"]) {
      assert.throws(() => peerIdentityOf(garbage, meshId), coded("auth.invalid", ""));
    }
    const usual = mesh.leaf({}).certificate;
    assert.equal(peerIdentityOf(usual, meshId).nodeId, a);
    const doubled = mesh.leaf({
      extensions: [
        { name: "extKeyUsage", clientAuth: true, serverAuth: true },
        { name: "subjectAltName", altNames: [mesh.uri(a)] },
        { name: "subjectAltName", altNames: [mesh.uri(b)] },
      ],
    });
    assert.throws(() => peerIdentityOf(doubled.certificate, meshId), coded("auth.invalid", "two extensions"));
  });

  test("no damage to a certificate makes the reader fail in another way, or see another node", () => {
    const der = new X509Certificate(mesh.peer(a).certificate).raw;
    let read = 0;
    for (let index = 0; index < der.length; index++) {
      const damaged = Buffer.from(der);
      damaged[index] = (damaged[index] ?? 0) ^ 0x01;
      try {
        const identity = peerIdentityOf(damaged, meshId);
        assert.ok(Number.isSafeInteger(identity.notAfter), `byte ${index}`);
        assert.match(identity.nodeId, /^[0-9a-f]{32}$/);
        read++;
      } catch (error) {
        assert.ok(coded("auth.invalid", "refused")(error), `byte ${index}: ${error}`);
      }
    }
    // Signature, names and times may be damaged and still be read; what OpenSSL says of them is another matter.
    assert.ok(read > 256 && read < der.length - 64, `${read} of ${der.length}`);
  });

  test("refused: a serial on the revocation list of its master; others pass", async () => {
    const [good, bad] = [mesh.peer(b), mesh.peer(c)];
    const serial = new X509Certificate(bad.certificate).serialNumber;
    const root = issueCrl({ issuer: rootIssuer(mesh.root), revoked: [], number: 1, clock });
    const revoked = [{ serial, at: clock.now() - hour }];
    const crl = [root, issueCrl({ issuer: mesh.master, revoked, number: 7, clock })];
    assert.ok("peer" in (await shake({ client: good, crl })).server, "the good one is refused");
    const seen = await shake({ client: bad, crl });
    assert.deepEqual(seen.server, { refused: "CERT_REVOKED" });
  });

  test("refused: whatever a master issued, once the root's list has the master", async () => {
    const [pem = ""] = mesh.master.chain;
    const revoked = [{ serial: new X509Certificate(pem).serialNumber, at: clock.now() }];
    const lists = [
      issueCrl({ issuer: rootIssuer(mesh.root), revoked, number: 2, clock }),
      issueCrl({ issuer: mesh.master, revoked: [], number: 1, clock }),
    ];
    const { client } = await shake({ client: mesh.peer(b), crl: lists });
    assert.match("refused" in client ? client.refused : "accepted", /^CERT_REVOKED/);
  });

  test("the master's certificate is bound to its mesh, its scope and one level", () => {
    const [pem = ""] = mesh.master.chain;
    const { certificate } = mesh.master;
    assert.ok(new X509Certificate(pem).checkIssued(new X509Certificate(ca)), "the root did not issue it");
    assert.equal((certificate.getExtension("basicConstraints") as { pathLenConstraint?: number }).pathLenConstraint, 0);
    const years = (certificate.validity.notAfter.getTime() - clock.now()) / (365 * day);
    assert.ok(years > 4.9 && years <= 5, `${years}`);
    assert.ok(
      certificate.validity.notAfter <= rootIssuer(mesh.root).certificate.validity.notAfter,
      `${certificate.validity.notAfter}, ${rootIssuer(mesh.root).certificate.validity.notAfter}`,
    );
  });
});
