// Nodes that come into a mesh without a network between them: what a join stores, what a restart needs, and how leaves
// stay fresh.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { HerdError } from "../../../src/core/errors.js";
import { decodeSigned } from "../../../src/core/signed.js";
import { publicKeyText } from "../../../src/pki/identity/enrolled-key.js";
import { type Enroll, requestEnrollment } from "../../../src/pki/identity/enrolling.js";
import type { Enrollment, EnrollmentRequest } from "../../../src/pki/identity/enrollment.js";
import { issueLeaves, issueMaster } from "../../../src/pki/identity/enrollment-issue.js";
import { foundIdentity } from "../../../src/pki/identity/founding.js";
import { Identity, type IdentityOptions } from "../../../src/pki/identity/identity.js";
import { loadIdentity } from "../../../src/pki/identity/mesh-files.js";
import type { RenewLeaves } from "../../../src/pki/identity/node-leaves.js";
import { Registry } from "../../../src/pki/registry/registry.js";
import { parseCsr } from "../../../src/pki/x509/csr.js";
import { peerIdentityOf } from "../../../src/pki/x509/peer-identity.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";
import { mutualHandshake } from "../x509/mutual-tls.js";
import { handshake } from "../x509/tls-pair.js";

const hour = 3_600_000;
const day = 24 * hour;

/** Answers as a registration authority at a founder would, without a link. */
function enrollAt(founder: Identity, options: { deploy?: boolean; master?: boolean; name?: string } = {}): Enroll {
  const { deploy = true, master = false } = options;
  return async (request) => {
    const { nodeId, key, csr, publicCsr } = request;
    const name = options.name ?? request.name;
    const hosts = request.hosts.filter((host) => founder.publicLeaf().hosts.includes(host));
    const node = { nodeId, name };
    const { peerCertificate, publicCertificate } = issueLeaves(
      { ...node, csr: parseCsr(csr), publicCsr: parseCsr(publicCsr), hosts, deploy, master },
      founder,
    );
    const made = master
      ? await issueMaster({ ...node, key, masterCsr: parseCsr(await request.masterCsr()) }, founder)
      : undefined;
    return {
      meshId: founder.meshId,
      nodeId,
      nodeName: name,
      rootCertificate: founder.rootCertificate,
      peerCertificate: peerCertificate ?? "",
      publicCertificate: publicCertificate ?? "",
      tokenPublicKey: publicKeyText(founder.tokenPublicKey),
      ...(made && { masterCertificate: made.masterCertificate, tokenKey: made.tokenKey }),
      records: [...founder.records, ...(made === undefined ? [] : [made.grant])],
    };
  };
}

/** The requests of a renewal as a master parses them. */
function parsedOf({ peer, public: open }: { peer?: string | undefined; public?: string | undefined }) {
  return {
    csr: peer === undefined ? undefined : parseCsr(peer),
    publicCsr: open === undefined ? undefined : parseCsr(open),
  };
}

/** Signs over what would be a link. */
function overLink(founder: Identity, node: { nodeId: string; nodeName: string }): RenewLeaves {
  return async ({ peer, public: open, hosts, current }) => {
    assert.equal(current === undefined, open === undefined);
    const { nodeId, nodeName: name } = node;
    const wanted = hosts.filter((host) => founder.publicLeaf().hosts.includes(host));
    const marks = { deploy: true, master: false };
    const signed = issueLeaves({ nodeId, name, ...parsedOf({ peer, public: open }), hosts: wanted, ...marks }, founder);
    return { peer: signed.peerCertificate, public: signed.publicCertificate };
  };
}

describe("nodes that join", () => {
  let folder: string;
  let clock: ManualClock;
  let founder: Identity;
  /** Of another mesh. */
  let stranger: Identity;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "herd-enroll-"));
    clock = new ManualClock(Date.now());
    founder = await open("founder", { rootPassphrase: "correct horse" });
    stranger = await open("stranger", { ephemeral: true });
  });
  after(async () => {
    founder.close();
    stranger.close();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (state: string, options: Partial<IdentityOptions> = {}) =>
    Identity.open({
      state: join(folder, state),
      ephemeral: false,
      name: state,
      domains: [],
      advertise: "localhost",
      clock,
      ...options,
    });
  const never: Enroll = async () => assert.fail("a node with an identity does not join");

  test("a founder is a master, and its records prove it to a registry", async () => {
    assert.deepEqual([founder.founded, founder.joined, founder.isMaster, founder.mayDeploy], [true, false, true, true]);
    const { meshId, rootCertificate } = founder;
    const registry = new Registry({ meshId, rootCertificate, files: new MemoryFiles(), clock });
    await registry.open();
    const kinds = founder.records.map((text) => JSON.parse(decodeSigned(text)?.payload ?? "{}").kind as string);
    assert.deepEqual(kinds, ["grant", "admission"]);
    for (const [index, text] of founder.records.entries()) {
      const store = registry.stores.find(({ kind }) => kind === kinds[index]);
      assert.equal(await store?.accept(text), "new");
    }
    const record = registry.node(founder.nodeId);
    assert.deepEqual(
      [record?.name, record?.master, record?.deploy, record?.parent],
      ["founder", true, true, undefined],
    );
    registry.check(peerIdentityOf(founder.peerLeaf().certificate, meshId));
  });

  test("a node joins once, gets the name that the mesh gives it, and restarts without asking", async () => {
    const asked: EnrollmentRequest[] = [];
    const enroll: Enroll = async (request) => {
      asked.push(request);
      return enrollAt(founder, { name: "n2-2" })(request);
    };
    const first = await open("n2", { enroll });
    assert.deepEqual(
      [first.founded, first.joined, first.isMaster, first.nodeName, first.meshId],
      [false, true, false, "n2-2", founder.meshId],
    );
    assert.equal(first.nodeId, asked[0]?.nodeId);
    assert.equal(first.signer.nodeId, first.nodeId);
    assert.deepEqual([first.tokenKey, first.masterIssuer], [undefined, undefined]);
    assert.equal(await handshake(first.publicLeaf(), { ca: founder.rootCertificate, host: "localhost" }), "TLSv1.3");
    const { rootCertificate: ca, meshId } = founder;
    const seen = await mutualHandshake({ ca, meshId, server: founder.peerLeaf(), client: first.peerLeaf() });
    assert.ok("peer" in seen.server && "peer" in seen.client, JSON.stringify(seen));
    assert.deepEqual([seen.server.peer.nodeId, seen.client.peer.nodeId], [first.nodeId, founder.nodeId]);
    assert.deepEqual([seen.server.peer.deploy, seen.server.peer.master], [true, false]);
    assert.equal(seen.client.peer.master, true);
    first.close();
    const second = await open("n2", { enroll: never });
    assert.deepEqual([second.joined, second.nodeId, second.nodeName], [false, first.nodeId, "n2-2"]);
    assert.deepEqual(second.peerLeaf(), first.peerLeaf());
    assert.deepEqual(second.records, founder.records);
    assert.equal(asked.length, 1);
    second.close();
  });

  test("a token of the mesh is good at a node that cannot issue one", async () => {
    const node = await open("reader", { enroll: enrollAt(founder), ephemeral: true });
    const { token } = await founder.tokens.issue({ role: "deploy", ttlSeconds: 60 });
    assert.equal((await node.tokens.verify(token)).role, "deploy");
    await assert.rejects(node.tokens.issue({ role: "deploy", ttlSeconds: 60 }), coded("node.unavailable", "master"));
    node.close();
  });

  test("a node without the deploy mark knows it, and cannot sign for the root", async () => {
    const node = await open("unmarked", { enroll: enrollAt(founder, { deploy: false }), ephemeral: true });
    assert.equal(node.mayDeploy, false);
    await assert.rejects(node.rootIssuer(), coded("node.unavailable", "does not have the root's key"));
    await assert.rejects(node.rootSign("{}"), coded("node.unavailable", "does not have the root's key"));
    node.close();
  });

  test("a join that fails leaves the enrolled key alone, and the next attempt is the same node", async () => {
    const asked: string[] = [];
    const lost: Enroll = async ({ nodeId }) => {
      asked.push(nodeId);
      throw new HerdError("join.refused", "the answer was lost");
    };
    await assert.rejects(open("late", { enroll: lost }), coded("join.refused", "lost"));
    assert.deepEqual(await readdir(join(folder, "late", "identity")), ["enrolled-key.sealed"]);
    const node = await open("late", { enroll: enrollAt(founder) });
    assert.deepEqual(asked, [node.nodeId]);
    node.close();
  });

  test("an answer that does not fit the keys, the mesh or itself is refused, and nothing is stored", async () => {
    const other = await enrollAt(founder)({ ...(await requestOf(founder)), nodeId: "b".repeat(32) });
    const changes: [string, (good: Enrollment) => Partial<Enrollment>][] = [
      ["root is not the mesh's", () => ({ rootCertificate: stranger.rootCertificate })],
      ["for another node", () => ({ nodeId: "b".repeat(32) })],
      ["do not fit", () => ({ peerCertificate: other.peerCertificate })],
      ["do not fit", ({ publicCertificate }) => ({ peerCertificate: publicCertificate })],
      ["half a master", () => ({ masterCertificate: founder.masterIssuer?.chain[0] ?? "" })],
      ["token key is none", () => ({ tokenPublicKey: "AAAA" })],
    ];
    for (const [reason, change] of changes) {
      const enroll: Enroll = async (request) => {
        const good = await enrollAt(founder)(request);
        return { ...good, ...change(good) };
      };
      await assert.rejects(open("refused", { enroll }), coded("join.refused", reason), reason);
      assert.deepEqual(await readdir(join(folder, "refused", "identity")), ["enrolled-key.sealed"]);
    }
  });

  test("a joiner can become a master: it signs its own leaves, and others' of the same mesh", async () => {
    const second = await open("m2", { enroll: enrollAt(founder, { master: true }) });
    assert.ok(second.isMaster && second.masterIssuer !== undefined, "the second is no master");
    const { rootCertificate: ca, meshId } = founder;
    const identity = peerIdentityOf(second.peerLeaf().certificate, meshId);
    assert.notEqual(identity.issuer, peerIdentityOf(founder.peerLeaf().certificate, meshId).issuer);
    assert.ok(identity.master && identity.deploy, JSON.stringify(identity));
    const third = await open("n3", { enroll: enrollAt(second), ephemeral: true });
    const seen = await mutualHandshake({ ca, meshId, server: founder.peerLeaf(), client: third.peerLeaf() });
    assert.ok("peer" in seen.server, JSON.stringify(seen.server));
    assert.equal(seen.server.peer.nodeId, third.nodeId);
    const { token } = await second.tokens.issue({ role: "admin", ttlSeconds: 60 });
    assert.equal((await founder.tokens.verify(token)).role, "admin");
    await assert.rejects(second.rootIssuer(), coded("node.unavailable", "root's key"));
    second.close();
    const again = await open("m2", { enroll: never });
    assert.deepEqual([again.isMaster, again.peerLeaf()], [true, second.peerLeaf()]);
    again.close();
    third.close();
  });

  test("fresh leaves come over a link, with fresh keys, and whoever dials hears of them", async () => {
    const node = await open("n4", { enroll: enrollAt(founder) });
    const heard: string[] = [];
    const unsubscribe = node.onPeerLeaf(({ certificate }) => heard.push(certificate));
    await assert.rejects(node.renewPeerLeaf(), coded("node.unavailable", "no master"));
    const before = node.peerLeaf();
    node.renewVia(overLink(founder, { nodeId: "b".repeat(32), nodeName: "other" }));
    await assert.rejects(node.renewPeerLeaf(), coded("auth.invalid", "another node's"));
    assert.equal(node.peerLeaf(), before);
    node.renewVia(overLink(founder, node));
    const renewed = await node.renewPeerLeaf();
    assert.notEqual(renewed.key, before.key);
    assert.deepEqual([heard, node.peerLeaf()], [[renewed.certificate], renewed]);
    unsubscribe();
    const open2 = await node.renewPublicLeaf();
    assert.equal(open2, node.publicLeaf());
    node.close();
    const moved = await open("n4", { advertise: "10.1.2.3" });
    assert.deepEqual(moved.publicLeaf(), open2);
    moved.close();
    founder.renewVia(async () => assert.fail("a master signs its own"));
    assert.ok(
      (await founder.renewPeerLeaf()).notAfter > before.notBefore,
      "the renewed leaf ends before the first began",
    );
  });

  test("a node whose peer leaf ended, or soon will, re-enrolls with its enrolled key", async () => {
    const time = new ManualClock(Date.now());
    const node = await open("sleeper", { enroll: enrollAt(founder), clock: time });
    const { nodeId } = node;
    node.close();
    time.advance(13 * hour);
    let asked = 0;
    const awake = await open("sleeper", { clock: time, enroll: never });
    awake.reEnrollVia(async (request) => {
      asked++;
      assert.deepEqual([request.nodeId, request.rootCertificate], [nodeId, founder.rootCertificate]);
      return enrollAt(founder)(request);
    });
    // While it runs, links come first, until the last quarter of the leaf's life.
    await assert.rejects(awake.renewPeerLeaf(), coded("node.unavailable", ""));
    time.advance(7 * hour);
    clock.advance(20 * hour);
    await awake.renewPeerLeaf();
    assert.deepEqual([asked, awake.joined], [1, false]);
    assert.ok(
      awake.peerLeaf().notAfter > time.now() + 23 * hour,
      `${awake.peerLeaf().notAfter}, ${time.now() + 23 * hour}`,
    );
    awake.renewVia(overLink(founder, awake));
    time.advance(19 * hour);
    clock.advance(19 * hour);
    await awake.renewPeerLeaf();
    assert.equal(asked, 1);
    awake.close();
    time.advance(3 * day);
    const opened = await open("sleeper", { clock: time });
    assert.ok(opened.peerLeaf().notAfter < time.now(), `${opened.peerLeaf().notAfter}, ${time.now()}`);
    opened.reEnrollVia(async () => {
      throw new HerdError("join.refused", "for more than a day");
    });
    await assert.rejects(opened.renewPeerLeaf(), coded("join.refused", "for more than a day"));
    opened.reEnrollVia(enrollAt(stranger));
    await assert.rejects(opened.renewPeerLeaf(), coded("join.refused", "another mesh's"));
    opened.reEnrollVia(enrollAt(founder));
    clock.set(time.now());
    assert.ok((await opened.renewPeerLeaf()).notAfter > time.now(), "the renewed leaf has ended");
    opened.close();
  });

  test("the root's key opens with its passphrase alone, and only when a master is made", async () => {
    const passphrase = "correct horse";
    const state = "vault";
    const made = await open(state);
    assert.equal((await made.rootIssuer()).chain.length, 0);
    made.close();
    // A key that had no passphrase gets the first one that comes.
    (await open(state, { rootPassphrase: passphrase })).close();
    const without = await open(state);
    assert.ok(without.isMaster, "no master without its issuer");
    await without.renewPeerLeaf();
    await assert.rejects(without.rootSign("{}"), coded("state.conflict", "--root-passphrase-file"));
    await assert.rejects(
      open("m3", { enroll: enrollAt(without, { master: true }), ephemeral: true }),
      coded("state.conflict", "--root-passphrase-file"),
    );
    without.close();
    await assert.rejects(open(state, { rootPassphrase: "wrong" }), coded("state.conflict", "another one"));
    const opened = await open(state, { rootPassphrase: passphrase });
    const { signer, signature } = await opened.rootSign("{}");
    assert.equal(signer, "root");
    assert.ok(signature.length > 500, `${signature.length}`);
    const issuer = await opened.rootIssuer();
    assert.ok(new X509Certificate(opened.rootCertificate).checkPrivateKey(issuer.key), "another key than the root's");
    opened.close();
  });

  test("a state of another version is refused by name, not made anew", async () => {
    const files = new MemoryFiles();
    const options = { nodeName: "n", domains: [], deploy: true, passphrase: undefined, clock };
    const identity = await foundIdentity(files, options);
    assert.equal((await loadIdentity(files))?.nodeId, identity.nodeId);
    const record = JSON.parse((await files.read("identity"))?.toString() ?? "{}") as object;
    await files.write("identity", JSON.stringify({ ...record, version: 1 }));
    await assert.rejects(loadIdentity(files), coded("internal", "memory:identity was written by another version"));
  });
});

/** A request as a node makes it, from a founder's point of view: whose answer is good for nobody else. */
async function requestOf(founder: Identity): Promise<EnrollmentRequest> {
  let seen: EnrollmentRequest | undefined;
  const take: Enroll = async (request) => {
    seen = request;
    throw new HerdError("join.refused", "taken");
  };
  await assert.rejects(requestEnrollment({ enrolledKey: founder.enrolledKey, name: "x", hosts: [] }, take));
  assert.ok(seen, "no seen");
  return seen;
}
