// Joining a mesh over real HTTPS: by token, by a person, and everybody who must stay outside.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import forge from "node-forge";
import { systemClock } from "../../src/core/clock.js";
import { type ErrorCode, HerdError } from "../../src/core/errors.js";
import { encodeSigned } from "../../src/core/signed.js";
import { MemoryFiles } from "../../src/core/state-files.js";
import { rsaKey } from "../../src/pki/certificate.js";
import type { Enrollment } from "../../src/pki/enrollment.js";
import { joinCode } from "../../src/pki/join-code.js";
import type { JoinView } from "../../src/pki/join-pending.js";
import { decodeJoinToken, encodeJoinToken } from "../../src/pki/join-token-text.js";
import { JoinTokens } from "../../src/pki/join-tokens.js";
import { peerIdentityOf } from "../../src/pki/peer-identity.js";
import { issuePublicLeaf } from "../../src/pki/public-leaf.js";
import { payloadText } from "../../src/pki/records.js";
import { Registry } from "../../src/pki/registry.js";
import { foundRoot, rootIssuer } from "../../src/pki/root.js";
import { silent } from "../pki/silent-log.js";
import { applicant, JoinMesh, namesIn } from "./join-mesh.js";

const hour = 3_600_000;
let mesh: JoinMesh;

before(async () => {
  mesh = await JoinMesh.found();
});

after(async () => {
  await mesh.stop();
});

const coded = (code: ErrorCode, text = /./) => {
  return (error: unknown) => error instanceof HerdError && error.code === code && text.test(error.message);
};

/** Waits until a request of that name is listed. */
async function listed(name: string): Promise<JoinView> {
  for (let tries = 0; tries < 1_000; tries++) {
    const view = ((await mesh.ask("/v1/joins")).json() as JoinView[]).find((other) => other.name === name);
    if (view !== undefined) return view;
    await sleep(10);
  }
  throw new Error(`${name} never asked`);
}

test("a node joins with a token, and the mesh knows who let it in", async () => {
  const answer = await mesh.ask("/v1/tokens", { method: "POST", body: { role: "join", node: "n1", ttlSeconds: 60 } });
  assert.equal(answer.status, 201);
  const token = answer.json() as { token: string; id: string; url: string; fingerprint: string };
  assert.equal(token.url, mesh.url);
  assert.equal(decodeJoinToken(token.token).fingerprint, token.fingerprint);
  const joined = await mesh.open("n1", { token: token.token });
  try {
    assert.equal(joined.meshId, mesh.identity.meshId);
    assert.equal(joined.nodeName, "n1");
    assert.equal(joined.rootCertificate, mesh.identity.rootCertificate);
    assert.ok(joined.mayDeploy && !joined.isMaster && joined.tokenKey === undefined);
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
  assert.ok(!reopened.list().some((other) => other.id === id));
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

test("a token that is late, revoked, for another name, or of another secret lets nobody in", async () => {
  const bound = await mesh.token({ node: "alice" });
  await assert.rejects(
    mesh.join(await applicant({ name: "bob" }), { token: bound.token }),
    coded("join.refused", /named alice/),
  );
  const revoked = await mesh.token();
  assert.equal((await mesh.ask(`/v1/tokens/${revoked.id}`, { method: "DELETE" })).status, 204);
  await assert.rejects(mesh.join(await applicant(), { token: revoked.token }), coded("join.refused", /revoked/));
  const list = (await mesh.ask("/v1/tokens")).json() as { id: string; role: string }[];
  assert.ok(list.some(({ id, role }) => id === bound.id && role === "join"));
  assert.ok(!list.some(({ id }) => id === revoked.id));
  const late = await mesh.token({ ttlSeconds: 1 });
  mesh.clock.shiftMs = 1_001;
  await assert.rejects(mesh.join(await applicant(), { token: late.token }), coded("join.refused", /expired/));
  mesh.clock.shiftMs = 0;
  const forged = encodeJoinToken({ ...decodeJoinToken(bound.token), secret: "A".repeat(32) });
  await assert.rejects(
    mesh.join(await applicant({ name: "alice" }), { token: forged }),
    coded("join.refused", /secret/),
  );
  assert.equal((await mesh.join(await applicant({ name: "alice" }), { token: bound.token })).nodeName, "alice");
});

test("who guesses is throttled, and told when to come back", async () => {
  const founder = await JoinMesh.found();
  try {
    const { token } = await founder.token();
    founder.clock.stillMs = founder.clock.monotonic();
    const forged = encodeJoinToken({ ...decodeJoinToken(token), secret: "B".repeat(32) });
    const waits: string[] = [];
    const stop = new AbortController();
    const tell = (text: string): void => {
      waits.push(text);
      stop.abort(new Error("enough"));
    };
    let tries = 0;
    for (; waits.length === 0 && tries < 40; tries++) {
      await founder
        .join(await applicant(), { token: forged, tell, signal: stop.signal })
        .catch((error: unknown) => assert.ok(stop.signal.aborted || coded("join.refused")(error), String(error)));
    }
    assert.ok(tries <= 10, `${tries} wrong secrets went through`);
    assert.match(waits[0] ?? "", /too many attempts/);
    const raw = await founder.ask("/v1/join", { method: "POST", body: {} });
    assert.equal(raw.status, 429);
    assert.ok(Number(raw.headers["retry-after"]) >= 1);
  } finally {
    await founder.stop();
  }
});

test("without a token a person decides, and both sides show the same code", async () => {
  const told: string[] = [];
  const node = await applicant({ name: "asker", hosts: ["box.local", "localhost"] });
  const joining = mesh.join(node, { tell: (text) => told.push(text), advertise: "box.local" });
  const view = await listed("asker");
  assert.match(view.code, /^[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}$/);
  assert.deepEqual(view.hosts, ["box.local"]);
  assert.equal(view.parent, mesh.identity.nodeId);
  assert.equal(view.fingerprint.slice(0, 32), node.nodeId);
  const approved = await mesh.ask(`/v1/joins/${view.id}/approve`, { method: "POST", body: { deploy: false } });
  assert.deepEqual([approved.status, approved.json()], [200, { node: node.nodeId, name: "asker" }]);
  const enrollment = await joining;
  assert.ok(told.some((text) => text.includes(view.code)));
  assert.match(namesIn(enrollment.publicCertificate), /DNS:box\.local/);
  assert.equal(peerIdentityOf(enrollment.peerCertificate, mesh.identity.meshId).deploy, false);
  assert.match(mesh.registry.node(node.nodeId)?.approvedBy ?? "", /^person [0-9a-f]{16}$/);
  assert.equal((await mesh.ask(`/v1/joins/${view.id}/approve`, { method: "POST" })).status, 404);
});

test("a person can turn a node away", async () => {
  const joining = mesh.join(await applicant({ name: "unwanted" }));
  const refused = assert.rejects(joining, coded("join.refused", /rejected/));
  const view = await listed("unwanted");
  assert.equal((await mesh.ask(`/v1/joins/${view.id}/reject`, { method: "POST" })).status, 204);
  await refused;
  assert.ok(!((await mesh.ask("/v1/joins")).json() as JoinView[]).some(({ id }) => id === view.id));
});

/** An HTTPS server with a root of its own, that keeps what it was sent. */
async function impostor(answer: (body: string) => Promise<{ status: number; body: string }>) {
  const root = await foundRoot({ domains: [], clock: systemClock });
  const leaf = await issuePublicLeaf({
    issuer: rootIssuer(root),
    hosts: ["localhost"],
    nodeName: "x",
    clock: systemClock,
  });
  const seen: string[] = [];
  const server = createServer({ cert: leaf.certificate, key: leaf.key }, async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${body}`);
    if (request.url === "/ca.pem") {
      response.end(root.certificate);
      return;
    }
    const made = await answer(body);
    response.writeHead(made.status, { "content-type": "application/json" }).end(made.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { root, seen, stop, url: `https://localhost:${(server.address() as AddressInfo).port}` };
}

test("a root with another fingerprint is refused before anything secret leaves", async () => {
  const false1 = await impostor(async () => ({ status: 500, body: "{}" }));
  try {
    const { token, fingerprint } = await mesh.token();
    const { secret } = decodeJoinToken(token);
    const wrong = createHash("sha256").update(new X509Certificate(false1.root.certificate).raw).digest("hex");
    await assert.rejects(mesh.join(await applicant(), { urls: [false1.url], token }), (error) => {
      assert.ok(coded("join.refused", /fingerprint/)(error), String(error));
      assert.ok((error as Error).message.includes(wrong) && (error as Error).message.includes(fingerprint));
      return true;
    });
    assert.equal(false1.seen.length, 1);
    assert.match(false1.seen[0] ?? "", /^GET \/ca\.pem /);
    assert.ok(!false1.seen.join().includes(secret));
    // The token is as good as before.
    await mesh.join(await applicant(), { token });
  } finally {
    false1.stop();
  }
});

test("who stands between shows another code, and cannot pass the request on", async () => {
  let passedOn: Promise<number> | undefined;
  const between = await impostor(async (body) => {
    passedOn = mesh.ask("/v1/join", { method: "POST", body: JSON.parse(body) }).then(({ status }) => status);
    return { status: 202, body: JSON.stringify({ id: "x".repeat(22), code: "AAAA-AAAA-AAAA", retryAfterMs: 60_000 }) };
  });
  const stop = new AbortController();
  try {
    const told = new Promise<string>((resolve) => {
      const victim = applicant({ name: "victim" }).then((node) =>
        mesh.join(node, { urls: [between.url], signal: stop.signal, tell: resolve }),
      );
      victim.catch(() => undefined);
    });
    const [shown] = /[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}/.exec(await told) ?? [];
    assert.ok(shown !== undefined && shown !== "AAAA-AAAA-AAAA", "the code is the joiner's own");
    assert.equal(await passedOn, 403, "what was signed for one root is good for no other");
    // Asked anew with its own key, the one between is listed with a code that is not the joiner's.
    const own = mesh.join(await applicant({ name: "between" }), { signal: stop.signal });
    own.catch(() => undefined);
    assert.notEqual((await listed("between")).code, shown);
  } finally {
    stop.abort();
    between.stop();
  }
});

test("the code depends on all that is asked with, and on the root", async () => {
  const { csr, publicCsr, key } = await applicant();
  const { rootCertificate } = mesh.identity;
  const input = { rootCertificate, csr, publicCsr, key, nonce: "n" };
  const other = await foundRoot({ domains: [], clock: systemClock });
  const changed = [
    { nonce: "m" },
    { csr: publicCsr },
    { publicCsr: csr },
    { key: csr },
    { csr: `${csr}${publicCsr}`, publicCsr: "" },
    { rootCertificate: other.certificate },
  ];
  const codes = [input, ...changed.map((change) => ({ ...input, ...change }))].map(joinCode);
  assert.equal(new Set(codes).size, codes.length);
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
  assert.ok(!certificate.ca && !certificate.subject.includes("founder"));
});

test("a request without shape, signature or sense is refused with its reason", async () => {
  const statuses = await Promise.all(
    [{}, [], { v: 1 }, { v: 1, signed: { payload: "{}", signer: "x", signature: "y" } }].map(async (body) => {
      const answer = await mesh.ask("/v1/join", { method: "POST", body });
      return (answer.json() as { code: string }).code;
    }),
  );
  assert.deepEqual(new Set(statuses), new Set(["request.malformed"]));
  const node = await applicant();
  const other = await applicant();
  const { token } = await mesh.token();
  await assert.rejects(mesh.join({ ...node, sign: other.sign }, { token }), coded("join.refused", /not signed/));
  const late = { now: () => systemClock.now() - 2 * hour, monotonic: () => 0 };
  await assert.rejects(mesh.join(node, { token, clock: late }), coded("join.refused", /120 minutes behind/));
  assert.equal((await mesh.ask("/v1/join/nothing")).status, 404);
});

test("a token can make a master, whose share of the mesh nobody on the way can read", async () => {
  const { token, id } = await mesh.token({ master: true });
  const joined = await mesh.open("m2", { token });
  try {
    assert.ok(joined.isMaster);
    assert.equal(mesh.registry.node(joined.nodeId)?.master, true);
    const { tokens } = mesh.identity;
    const made = await joined.tokens.issue({ role: "invoke", ttlSeconds: 60 });
    assert.equal((await tokens.verify(made.token)).role, "invoke");
  } finally {
    joined.close();
  }
  assert.ok(!mesh.tokens.list().some((other) => other.id === id));
});

/** A node's request as it asks again, with what it has. */
function returning(node: Awaited<ReturnType<typeof applicant>>, { peerCertificate, publicCertificate }: Enrollment) {
  return { ...node, current: { peer: peerCertificate, public: publicCertificate } };
}

test("a node that slept past its certificate comes back for a day, with the hosts it had", async () => {
  const { token } = await mesh.token({ hosts: ["box.local"], deploy: false });
  const node = await applicant({ name: "sleeper", hosts: ["box.local"] });
  const first = await mesh.join(node, { token, advertise: "box.local" });
  const back = returning(node, first);
  try {
    mesh.clock.shiftMs = 47 * hour;
    const again = await mesh.join(back, { advertise: "box.local", rootCertificate: mesh.identity.rootCertificate });
    assert.equal(again.nodeName, "sleeper");
    assert.match(namesIn(again.publicCertificate), /DNS:box\.local/);
    assert.equal(peerIdentityOf(again.peerCertificate, mesh.identity.meshId).deploy, false);
    mesh.clock.shiftMs = 49 * hour;
    await assert.rejects(
      mesh.join(back, { advertise: "box.local" }),
      coded("join.refused", /25 hours ago|needs a new join token/),
    );
    assert.equal(mesh.audited.at(-1)?.event, "renewal.refused");
  } finally {
    mesh.clock.shiftMs = 0;
  }
});

test("another node's certificates bring nobody back, nor its hosts", async () => {
  const victim = await applicant({ name: "vouched", hosts: ["box.local"] });
  const theirs = await mesh.join(victim, {
    token: (await mesh.token({ hosts: ["box.local"] })).token,
    advertise: "box.local",
  });
  const thief = await applicant({ name: "thief" });
  const own = await mesh.join(thief, { token: (await mesh.token()).token });
  await assert.rejects(mesh.join(returning(thief, theirs)), coded("join.refused", /another node's/));
  const mixed = { ...own, publicCertificate: theirs.publicCertificate };
  const got = await mesh.join(returning({ ...thief, hosts: ["box.local"] }, mixed));
  assert.doesNotMatch(namesIn(got.publicCertificate), /box/);
  const renewed = await mesh.renewals.renew(thief.nodeId, {
    ...{ public: thief.publicCsr, hosts: ["box.local"], current: theirs.publicCertificate },
  });
  assert.doesNotMatch(namesIn(renewed.public ?? ""), /box/);
  const kept = await mesh.renewals.renew(victim.nodeId, {
    ...{ peer: victim.csr, public: victim.publicCsr, hosts: ["shop.local"], current: theirs.publicCertificate },
  });
  assert.match(namesIn(kept.public ?? ""), /box\.local/);
  assert.doesNotMatch(namesIn(kept.public ?? ""), /shop/);
  assert.equal(peerIdentityOf(kept.peer ?? "", mesh.identity.meshId).nodeId, victim.nodeId);
});

test("a revoked node comes back in no way", async () => {
  const node = await applicant({ name: "bad" });
  const first = await mesh.join(node, { token: (await mesh.token()).token });
  const revocation = payloadText({
    ...{ kind: "revocation" as const, mesh: mesh.identity.meshId, node: node.nodeId, at: Date.now(), by: "test" },
  });
  const store = mesh.registry.stores.find(({ kind }) => kind === "revocation");
  await store?.accept(encodeSigned(mesh.identity.signer.sign(revocation)));
  const { token } = await mesh.token();
  for (const again of [mesh.join(node, { token }), mesh.join(returning(node, first)), mesh.join(node)]) {
    await assert.rejects(again, coded("join.refused", /revoked/));
  }
  await assert.rejects(
    mesh.renewals.renew(node.nodeId, { peer: node.csr, hosts: [] }),
    coded("join.refused", /revoked/),
  );
  await mesh.join(await applicant(), { token });
});

test("addresses are tried in turn", async () => {
  const { token } = await mesh.token();
  const told: string[] = [];
  const urls = ["https://localhost:1", mesh.url];
  assert.equal((await mesh.join(await applicant(), { urls, token, tell: (text) => told.push(text) })).v, 1);
  assert.match(told[0] ?? "", /localhost:1.*nothing listens/);
  const nowhere = mesh.join(await applicant(), { urls: ["https://localhost:1"] });
  await assert.rejects(nowhere, coded("node.overloaded", /localhost:1/));
});
