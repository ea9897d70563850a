// Joins over real HTTPS that fail: nodes that must stay outside a mesh, and the answers to an impostor.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { listTokens } from "../../../src/api/tokens.js";
import { systemClock } from "../../../src/core/clock.js";
import { encodeSigned } from "../../../src/core/signed.js";
import { joinCode } from "../../../src/pki/join/code.js";
import { decodeJoinToken, encodeJoinToken } from "../../../src/pki/join/token-text.js";
import { payloadText } from "../../../src/pki/registry/records.js";
import { peerIdentityOf } from "../../../src/pki/x509/peer-identity.js";
import { foundRoot, rootIssuer } from "../../../src/pki/x509/root.js";
import { coded } from "../../core/coded.js";
import { applicant, JoinMesh, namesIn, returning } from "../../harness/tls/join-mesh.js";
import { ownPublicLeaf } from "../../pki/x509/own-public-leaf.js";

const hour = 3_600_000;
let mesh: JoinMesh;

before(async () => {
  mesh = await JoinMesh.found();
});

after(async () => {
  await mesh.stop();
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
  const list = (await mesh.ask("/v1/tokens")).of(listTokens);
  assert.ok(
    list.some(({ id, role }) => id === bound.id && role === "join"),
    JSON.stringify(list),
  );
  assert.ok(!list.some(({ id }) => id === revoked.id), JSON.stringify(list));
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
        .join(await applicant(), { token: forged, report: tell, signal: stop.signal })
        .catch((error: unknown) => assert.ok(stop.signal.aborted || coded("join.refused")(error), String(error)));
    }
    assert.ok(tries <= 10, `${tries} wrong secrets went through`);
    assert.match(waits[0] ?? "", /too many attempts/);
    const signed = { payload: "{}", signer: "", signature: `${"A".repeat(86)}==` };
    const raw = await founder.ask("/v1/join", { method: "POST", body: { v: 1, signed } });
    assert.equal(raw.status, 429);
    assert.ok(Number(raw.headers["retry-after"]) >= 1, `${Number(raw.headers["retry-after"])}`);
  } finally {
    await founder.stop();
  }
});

/** An HTTPS server with a root of its own, that keeps what it was sent. */
async function impostor(answer: (body: string) => Promise<{ status: number; body: string }>) {
  const root = await foundRoot({ domains: [], clock: systemClock });
  const leaf = await ownPublicLeaf({
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
      assert.ok(
        (error as Error).message.includes(wrong) && (error as Error).message.includes(fingerprint),
        (error as Error).message,
      );
      return true;
    });
    assert.equal(false1.seen.length, 1);
    assert.match(false1.seen[0] ?? "", /^GET \/ca\.pem /);
    assert.ok(!false1.seen.join().includes(secret), "the secret was sent");
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
        mesh.join(node, { urls: [between.url], signal: stop.signal, report: resolve }),
      );
      victim.catch(() => undefined);
    });
    const [shown] = /[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}/.exec(await told) ?? [];
    assert.ok(shown !== undefined && shown !== "AAAA-AAAA-AAAA", "the code is the joiner's own");
    assert.equal(await passedOn, 403, "what was signed for one root is good for no other");
    // Asked anew with its own key, the one between is listed with a code that is not the joiner's.
    const own = mesh.join(await applicant({ name: "between" }), { signal: stop.signal });
    own.catch(() => undefined);
    assert.notEqual((await mesh.waiting("between")).code, shown);
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

test("a request without shape, signature or sense is refused with its reason", async () => {
  const statuses = await Promise.all(
    [{}, [], { v: 1 }, { v: 1, signed: { payload: "{}", signer: "x", signature: "y" } }].map(async (body) => {
      const answer = await mesh.ask("/v1/join", { method: "POST", body });
      return answer.problem().code;
    }),
  );
  assert.deepEqual(new Set(statuses), new Set(["request.malformed"]));
  const inPayload = { v: 1, signed: { payload: "{}", signer: "0".repeat(32), signature: `${"A".repeat(86)}==` } };
  const { where } = (await mesh.ask("/v1/join", { method: "POST", body: inPayload })).problem();
  assert.match(where ?? "", /^\/signed\/payload\/[a-z]+$/i);
  const node = await applicant();
  const other = await applicant();
  const { token } = await mesh.token();
  await assert.rejects(mesh.join({ ...node, sign: other.sign }, { token }), coded("join.refused", /not signed/));
  const late = { now: () => systemClock.now() - 2 * hour, monotonic: () => 0 };
  await assert.rejects(mesh.join(node, { token, clock: late }), coded("join.refused", /2 hours behind/));
  assert.equal((await mesh.ask("/v1/join/nothing")).status, 404);
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
    public: thief.publicCsr,
    hosts: ["box.local"],
    current: theirs.publicCertificate,
  });
  assert.doesNotMatch(namesIn(renewed.public ?? ""), /box/);
  const kept = await mesh.renewals.renew(victim.nodeId, {
    peer: victim.csr,
    public: victim.publicCsr,
    hosts: ["shop.local"],
    current: theirs.publicCertificate,
  });
  assert.match(namesIn(kept.public ?? ""), /box\.local/);
  assert.doesNotMatch(namesIn(kept.public ?? ""), /shop/);
  assert.equal(peerIdentityOf(kept.peer ?? "", mesh.identity.meshId).nodeId, victim.nodeId);
});

test("a revoked node comes back in no way", async () => {
  const node = await applicant({ name: "bad" });
  const first = await mesh.join(node, { token: (await mesh.token()).token });
  const revocation = payloadText({
    kind: "revocation" as const,
    mesh: mesh.identity.meshId,
    node: node.nodeId,
    at: Date.now(),
    by: "test",
  });
  const store = mesh.registry.stores.find(({ kind }) => kind === "revocation");
  await store?.accept(encodeSigned(mesh.identity.signer.sign(revocation)));
  const { token } = await mesh.token();
  for (const [again, options] of [
    [node, { token }],
    [returning(node, first), {}],
    [node, {}],
  ] as const) {
    await assert.rejects(mesh.join(again, options), coded("join.refused", /revoked/));
  }
  await assert.rejects(
    mesh.renewals.renew(node.nodeId, { peer: node.csr, hosts: [] }),
    coded("join.refused", /revoked/),
  );
  await mesh.join(await applicant(), { token });
});
