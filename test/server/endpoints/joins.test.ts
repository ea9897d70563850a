// Joining a mesh over real HTTPS: by token, by a person, and everybody who must stay outside.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, test } from "node:test";
import forge from "node-forge";
import { listJoins } from "../../../src/api/joins.js";
import { createToken, listTokens } from "../../../src/api/tokens.js";
import { systemClock } from "../../../src/core/clock.js";
import { decodeJoinToken, encodeJoinToken } from "../../../src/pki/join/token-text.js";
import { JoinTokens } from "../../../src/pki/join/tokens.js";
import { Registry } from "../../../src/pki/registry/registry.js";
import { peerIdentityOf } from "../../../src/pki/x509/peer-identity.js";
import { rsaKey } from "../../../src/pki/x509/rsa-key.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { applicant, JoinMesh, namesIn, returning } from "../../harness/tls/join-mesh.js";
import { silent } from "../../pki/audit/silent-log.js";

const hour = 3_600_000;
let mesh: JoinMesh;

before(async () => {
  mesh = await JoinMesh.found();
});

after(async () => {
  await mesh.stop();
});

test("a node joins with a token, and the mesh knows who let it in", async () => {
  const answer = await mesh.ask("/v1/tokens", { method: "POST", body: { role: "join", node: "n1", ttlSeconds: 60 } });
  assert.equal(answer.status, 201);
  const token = answer.of(createToken);
  assert.ok(token.role === "join", token.role);
  assert.equal(token.url, mesh.url);
  assert.equal(decodeJoinToken(token.token).fingerprint, token.fingerprint);
  const joined = await mesh.open("n1", { token: token.token });
  try {
    assert.equal(joined.meshId, mesh.identity.meshId);
    assert.equal(joined.nodeName, "n1");
    assert.equal(joined.rootCertificate, mesh.identity.rootCertificate);
    assert.deepEqual([joined.mayDeploy, joined.isMaster, joined.tokenKey], [true, false, undefined]);
    const known = mesh.registry.node(joined.nodeId);
    assert.equal(known?.parent, mesh.identity.nodeId);
    assert.equal(known?.approvedBy, `token ${token.id}`);
    const admin = await mesh.identity.tokens.issue({ role: "admin", ttlSeconds: 60 });
    assert.equal((await joined.tokens.verify(admin.token)).role, "admin");
    const strangers = new Registry({ ...mesh.identity, ...own(), files: new MemoryFiles(), clock: systemClock });
    for (const record of joined.records) {
      for (const store of strangers.stores) await store.accept(record).catch(() => undefined);
    }
    assert.equal(strangers.node(joined.nodeId)?.name, "n1");
    assert.equal(strangers.node(mesh.identity.nodeId)?.master, true);
  } finally {
    joined.close();
  }
  const approved = mesh.audited.find(({ event, subject }) => event === "join.approved" && subject === joined.nodeId);
  assert.equal(approved?.by, `token ${token.id}`);
});

/** What a registry needs of the identity, whose fields are getters of a class. */
function own() {
  const { meshId, rootCertificate } = mesh.identity;
  return { meshId, rootCertificate, log: silent };
}

test("names are unique, and an unmarked node is one by the token's word or its own", async () => {
  const { token } = await mesh.token({ uses: 2, deploy: false });
  const first = await mesh.join(await applicant({ name: "twin" }), { token });
  const second = await mesh.join(await applicant({ name: "twin" }), { token });
  assert.deepEqual([first.nodeName, second.nodeName], ["twin", "twin-2"]);
  assert.equal(peerIdentityOf(first.peerCertificate, mesh.identity.meshId).deploy, false);
  const shy = await mesh.join(await applicant(), { token: (await mesh.token()).token, deploy: false });
  assert.equal(peerIdentityOf(shy.peerCertificate, mesh.identity.meshId).deploy, false);
});

test("a token is used up by one node, which may ask again when its answer was lost", async () => {
  const { token, id } = await mesh.token();
  const node = await applicant();
  const first = await mesh.join(node, { token });
  const again = await mesh.join(node, { token });
  assert.equal(again.nodeName, first.nodeName);
  await assert.rejects(mesh.join(await applicant(), { token }), coded("join.refused", /used up/));
  const reopened = new JoinTokens({ files: mesh.files, clock: mesh.clock });
  await reopened.open();
  assert.ok(!reopened.list().some((other) => other.id === id), `${id} is still there`);
  const refusal = mesh.audited.findLast(({ event }) => event === "join.refused");
  assert.match(refusal?.detail ?? "", /used up/);
});

test("of ten that race for one token, one wins", async () => {
  const { token } = await mesh.token();
  const racers = await Promise.all(Array.from({ length: 10 }, () => applicant({ name: "racer" })));
  const results = await Promise.allSettled(racers.map((racer) => mesh.join(racer, { token })));
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  for (const result of results) {
    if (result.status === "rejected") assert.ok(coded("join.refused", /used up/)(result.reason), String(result.reason));
  }
  assert.equal(mesh.registry.nodes().filter(({ name }) => name.startsWith("racer")).length, 1);
});

test("without a token a person decides, and both sides show the same code", async () => {
  const told: string[] = [];
  const heard: Record<string, unknown>[] = [];
  const deaf = mesh.events.subscribe((event) => heard.push({ ...event }));
  const node = await applicant({ name: "asker", hosts: ["box.local", "localhost"] });
  const joining = mesh.join(node, { report: (text) => told.push(text), advertise: "box.local" });
  const view = await mesh.waiting("asker");
  assert.match(view.code, /^[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}$/);
  assert.deepEqual(view.hosts, ["box.local"]);
  assert.equal(view.parent, mesh.identity.nodeId);
  assert.equal(view.fingerprint.slice(0, 32), node.nodeId);
  const approved = await mesh.ask(`/v1/joins/${view.id}/approve`, { method: "POST", body: { deploy: false } });
  assert.deepEqual([approved.status, approved.json()], [200, { node: node.nodeId, name: "asker" }]);
  const enrollment = await joining;
  assert.ok(
    told.some((text) => text.includes(view.code)),
    JSON.stringify(told),
  );
  assert.match(namesIn(enrollment.publicCertificate), /DNS:box\.local/);
  assert.equal(peerIdentityOf(enrollment.peerCertificate, mesh.identity.meshId).deploy, false);
  assert.match(mesh.registry.node(node.nodeId)?.approvedBy ?? "", /^person [0-9a-f]{16}$/);
  assert.equal((await mesh.ask(`/v1/joins/${view.id}/approve`, { method: "POST" })).status, 404);
  deaf();
  assert.deepEqual(
    heard.map(({ type, node: name }) => [type, name]),
    [
      ["join.pending", "asker"],
      ["join.approved", "asker"],
    ],
  );
  assert.deepEqual([heard[0]?.request, heard[0]?.code, heard[1]?.id], [view.id, view.code, node.nodeId]);
});

test("who does not ask for the answer any more has given up, and waits no longer", async () => {
  const stopped = new AbortController();
  const [stays, leaves] = [await applicant({ name: "stays" }), await applicant({ name: "leaves" })];
  const joining = mesh.join(stays);
  const ended = assert.rejects(mesh.join(leaves, { signal: stopped.signal }));
  await mesh.waiting("stays");
  const gone = await mesh.waiting("leaves");
  stopped.abort();
  await ended;
  // A minute of silence is less than two.
  mesh.clock.shiftMs = 60_000;
  await mesh.waiting("leaves");
  mesh.clock.shiftMs = 150_000;
  const waiting = (await mesh.ask("/v1/joins")).of(listJoins);
  assert.ok(
    waiting.every(({ id }) => id !== gone.id),
    JSON.stringify(waiting),
  );
  assert.equal((await mesh.ask(`/v1/joins/${gone.id}/approve`, { method: "POST" })).status, 404);
  // A node that still waits polls again, if its last poll was too long ago for this clock.
  const { id } = await mesh.waiting("stays");
  assert.equal((await mesh.ask(`/v1/joins/${id}/approve`, { method: "POST" })).status, 200);
  await joining;
  mesh.clock.shiftMs = 0;
});

test("a person can turn a node away", async () => {
  const heard: Record<string, unknown>[] = [];
  const deaf = mesh.events.subscribe((event) => heard.push({ ...event }));
  const node = await applicant({ name: "unwanted" });
  const joining = mesh.join(node);
  const refused = assert.rejects(joining, coded("join.refused", /rejected/));
  const view = await mesh.waiting("unwanted");
  assert.equal((await mesh.ask(`/v1/joins/${view.id}/reject`, { method: "POST" })).status, 204);
  await refused;
  deaf();
  const event = heard.at(-1);
  assert.deepEqual([event?.type, event?.id, event?.detail], ["join.refused", node.nodeId, "unwanted: rejected"]);
  assert.ok(!(await mesh.ask("/v1/joins")).of(listJoins).some(({ id }) => id === view.id), `${view.id} still waits`);
});

test("hosts are named only when somebody vouches for them", async () => {
  const { token } = await mesh.token();
  const node = await applicant({ hosts: ["db.internal", "box.local", "shop.example"] });
  await assert.rejects(
    mesh.join(node, { token, advertise: "box.local" }),
    coded("join.refused", /--host box\.local/),
    "a refusal that a person can mend",
  );
  // It cost no use.
  const plain = await mesh.join(node, { token });
  assert.doesNotMatch(namesIn(plain.publicCertificate), /internal|local\b.*DNS|box|shop/);
  const vouched = await mesh.token({ hosts: ["box.local", "shop.example"] });
  const named = await mesh.join(await applicant({ hosts: node.hosts }), {
    token: vouched.token,
    advertise: "box.local",
  });
  assert.match(namesIn(named.publicCertificate), /DNS:box\.local/);
  assert.doesNotMatch(namesIn(named.publicCertificate), /db|shop/);
  const outside = (await mesh.token({ hosts: ["shop.example"] })).token;
  await assert.rejects(
    mesh.join(await applicant(), { token: outside, advertise: "shop.example" }),
    coded("join.refused", /may not vouch/),
  );
});

test("a certificate request contributes its key and nothing else", async () => {
  const key = await rsaKey(2_048);
  const pem = key.export({ type: "pkcs8", format: "pem" }) as string;
  const asking = forge.pki.createCertificationRequest();
  const privateKey = forge.pki.privateKeyFromPem(pem);
  asking.publicKey = forge.pki.rsa.setPublicKey(privateKey.n, privateKey.e);
  asking.setSubject([{ name: "commonName", value: "founder" }]);
  const extensions = [
    { name: "basicConstraints", cA: true },
    {
      name: "subjectAltName",
      altNames: [{ type: 6, value: `spiffe://${mesh.identity.meshId}/node/${"0".repeat(32)}` }],
    },
  ];
  asking.setAttributes([{ name: "extensionRequest", extensions }] as never);
  asking.sign(privateKey, forge.md.sha256.create());
  const csr = forge.pki.certificationRequestToPem(asking).replaceAll("\r\n", "\n");
  const node = await applicant({ csr });
  const { peerCertificate } = await mesh.join(node, { token: (await mesh.token()).token });
  const certificate = new X509Certificate(peerCertificate);
  assert.equal(namesIn(peerCertificate), `URI:spiffe://${mesh.identity.meshId}/node/${node.nodeId}`);
  assert.ok(!certificate.ca && !certificate.subject.includes("founder"), certificate.subject);
});

test("a token can make a master, whose share of the mesh nobody on the way can read", async () => {
  const { token, id } = await mesh.token({ master: true });
  const joined = await mesh.open("m2", { token });
  try {
    assert.ok(joined.isMaster, "the joined node is no master");
    assert.equal(mesh.registry.node(joined.nodeId)?.master, true);
    const { tokens } = mesh.identity;
    const made = await joined.tokens.issue({ role: "invoke", ttlSeconds: 60 });
    assert.equal((await tokens.verify(made.token)).role, "invoke");
  } finally {
    joined.close();
  }
  assert.ok(!mesh.tokens.list().some((other) => other.id === id), `${id} is still there`);
});

test("a node that was away comes back within the mesh's window, with the hosts it had", async () => {
  const { token } = await mesh.token({ hosts: ["box.local"], deploy: false });
  const node = await applicant({ name: "sleeper", hosts: ["box.local"] });
  const first = await mesh.join(node, { token, advertise: "box.local" });
  const back = returning(node, first);
  try {
    mesh.clock.shiftMs = (91 * 24 - 1) * hour;
    const again = await mesh.join(back, { advertise: "box.local" });
    assert.equal(again.nodeName, "sleeper");
    assert.match(namesIn(again.publicCertificate), /DNS:box\.local/);
    assert.equal(peerIdentityOf(again.peerCertificate, mesh.identity.meshId).deploy, false);
    assert.deepEqual(
      mesh.audited.slice(-1).map(({ event, detail }) => [event, /had ended (89|90) days ago/.test(detail)]),
      [["node.returned", true]],
    );
    mesh.clock.shiftMs = 92 * 24 * hour;
    await assert.rejects(
      mesh.join(back, { advertise: "box.local" }),
      coded("join.refused", /ended 91 days ago.*for 90 days.*needs a join token/),
    );
    assert.equal(mesh.audited.at(-1)?.event, "renewal.refused");
  } finally {
    mesh.clock.shiftMs = 0;
  }
});

test("addresses are tried in turn", async () => {
  const { token } = await mesh.token();
  const told: string[] = [];
  const urls = ["https://localhost:1", mesh.url];
  const { meshId } = await mesh.join(await applicant(), { urls, token, report: (text) => told.push(text) });
  assert.equal(meshId, mesh.identity.meshId);
  assert.match(told[0] ?? "", /localhost:1.*nothing listens/);
  const nowhere = mesh.join(await applicant(), { urls: ["https://localhost:1"] });
  await assert.rejects(nowhere, coded("node.unavailable", /localhost:1/));
});

test("a node that is no master passes everything on, and is the parent of whom it let in", async () => {
  const id = "d".repeat(32);
  const door = await mesh.door(id);
  const made = await mesh.ask("/v1/tokens", { method: "POST", body: { role: "join" }, url: door });
  assert.equal(made.status, 201);
  const { token, id: tokenId } = made.of(createToken);
  const listed = (await mesh.ask("/v1/tokens", { url: door })).of(listTokens);
  assert.ok(
    listed.some((other) => other.id === tokenId),
    JSON.stringify(listed),
  );
  const byToken = await mesh.join(await applicant({ name: "by-token" }), { urls: [door], token });
  assert.equal(mesh.registry.node(byToken.nodeId)?.parent, id);
  const asking = mesh.join(await applicant({ name: "by-person" }), { urls: [door] });
  const view = await mesh.waiting("by-person");
  assert.equal(view.parent, id);
  const seen = (await mesh.ask("/v1/joins", { url: door })).of(listJoins);
  assert.deepEqual(
    seen.map((other) => other.id),
    [view.id],
  );
  assert.equal((await mesh.ask(`/v1/joins/${view.id}/approve`, { method: "POST", url: door })).status, 200);
  assert.equal(mesh.registry.node((await asking).nodeId)?.parent, id);
  const unknown = encodeJoinToken({ ...decodeJoinToken(token), master: "0".repeat(32) });
  await assert.rejects(
    mesh.join(await applicant(), { urls: [door], token: unknown }),
    coded("join.refused", /none of this mesh/),
  );
});
