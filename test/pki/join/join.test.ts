// The parts of joining by themselves: what a token says and remembers, how tries are counted, what a secret proves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../../src/core/errors.js";
import { approvedHosts } from "../../../src/pki/join/hosts.js";
import { isProof, openSealed, proofOf, sealFor, secretHash } from "../../../src/pki/join/proof.js";
import { JoinRateLimit } from "../../../src/pki/join/rate-limit.js";
import { decodeJoinToken, encodeJoinToken, type JoinTokenText } from "../../../src/pki/join/token-text.js";
import { JoinTokens } from "../../../src/pki/join/tokens.js";
import { nameScope } from "../../../src/pki/x509/name-constraints.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";

const said: JoinTokenText = {
  mesh: "0".repeat(32),
  fingerprint: "1".repeat(64),
  id: "2".repeat(16),
  secret: "s".repeat(32),
  master: "3".repeat(32),
  makesMaster: false,
  urls: ["https://localhost:8443"],
};

test("a token's text says what was put in, and another text is none", () => {
  const text = encodeJoinToken(said);
  assert.match(text, /^herd-join\.[A-Za-z0-9_-]+$/);
  assert.deepEqual(decodeJoinToken(text), said);
  const wrong = ["", "herd-join.", "herd-join.e30", text.slice(0, -8), text.slice(5), `${text}${"A".repeat(9_000)}`];
  const inner = [{ urls: ["http://localhost"] }, { secret: "short" }, { mesh: "x" }];
  for (const other of [...wrong, ...inner.map((change) => encodeJoinToken({ ...said, ...change }))]) {
    assert.throws(() => decodeJoinToken(other), coded("request.malformed", /no join token/), other.slice(0, 40));
  }
});

test("a proof is good for one payload and one secret", () => {
  const hash = secretHash("a");
  const proof = proofOf(hash, "payload");
  assert.ok(isProof(proof, { hash, payload: "payload" }), "the right proof is refused");
  assert.ok(!isProof(proof, { hash, payload: "other" }), "taken for another payload");
  assert.ok(!isProof(proof, { hash: secretHash("b"), payload: "payload" }), "taken for another secret");
  assert.ok(!isProof("", { hash, payload: "payload" }), "no proof at all is taken");
});

test("what is sealed opens with the same secret and nonce, unchanged", () => {
  const key = { hash: secretHash("a"), nonce: "n" };
  const sealed = sealFor(key, Buffer.from("share"));
  assert.equal(openSealed(key, sealed)?.toString(), "share");
  assert.equal(openSealed({ ...key, nonce: "m" }, sealed), undefined);
  assert.equal(openSealed({ ...key, hash: secretHash("b") }, sealed), undefined);
  const bytes = Buffer.from(sealed, "base64");
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  assert.equal(openSealed(key, bytes.toString("base64")), undefined);
  assert.equal(openSealed(key, "AA"), undefined);
});

/** A token, and how a node with its secret uses it. */
async function tokenFor(request: Partial<Parameters<JoinTokens["create"]>[0]> = {}) {
  const [clock, files] = [new ManualClock(), new MemoryFiles()];
  const tokens = new JoinTokens({ files, clock });
  const { record, secret } = await tokens.create({ by: "admin", ...request });
  const use = (nodeId: string, name = "n", store = tokens) => {
    const proof = proofOf(secretHash(secret), nodeId);
    return store.use({ id: record.id, payload: nodeId, proof, nodeId, name });
  };
  return { clock, files, tokens, record, use };
}

test("a token has one use and five minutes when nothing else is said", async () => {
  const { clock, tokens, record, use } = await tokenFor();
  assert.equal(Date.parse(record.expires) - Date.parse(record.issued), 300_000);
  assert.equal(record.uses, 1);
  const results = await Promise.allSettled(["a", "b", "c"].map((node) => use(node)));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "rejected"],
  );
  assert.deepEqual(tokens.list(), []);
  await use("a");
  clock.advance(300_000);
  await assert.rejects(use("a"), coded("join.refused", /expired/));
});

test("a reusable token counts nodes, not tries", async () => {
  const { tokens, use } = await tokenFor({ uses: 2, ttlSeconds: 60 });
  for (const node of ["a", "a", "b", "a"]) await use(node);
  assert.deepEqual(tokens.list(), []);
  await assert.rejects(use("c"), coded("join.refused", /used up/));
});

test("uses and revocations outlive the process", async () => {
  const { clock, files, record, use } = await tokenFor({ uses: 2 });
  await use("a");
  const again = new JoinTokens({ files, clock });
  await again.open();
  assert.equal(again.list()[0]?.usesLeft, 1);
  assert.ok(await again.revoke(record.id), record.id);
  assert.equal(await again.revoke("f".repeat(16)), false);
  const third = new JoinTokens({ files, clock });
  await third.open();
  await assert.rejects(use("b", "n", third), coded("join.refused", /revoked/));
  assert.ok(!(await files.read("join-tokens"))?.includes('"secret"'), "the secret is stored");
});

test("a use that cannot be written down is none", async () => {
  const { tokens, files, use } = await tokenFor();
  const write = files.write.bind(files);
  files.write = () => Promise.reject(new HerdError("internal", "the disk is full"));
  await assert.rejects(use("a"), coded("internal"));
  files.write = write;
  assert.equal(tokens.list().length, 1);
  await use("b");
});

test("what no token can be is refused", async () => {
  const tokens = new JoinTokens({ files: new MemoryFiles(), clock: new ManualClock() });
  for (const wrong of [{ uses: 0 }, { uses: 1e6 }, { ttlSeconds: 0 }, { ttlSeconds: 1e10 }, { ttlSeconds: 1.5 }]) {
    await assert.rejects(tokens.create({ by: "admin", ...wrong }), coded("request.malformed"));
  }
});

test("tries are counted by address, by network for IPv6, and in all", () => {
  const clock = new ManualClock();
  const rates = { each: { burst: 3, perSecond: 1 }, total: { burst: 8, perSecond: 2 } };
  const throttle = new JoinRateLimit({ clock, ...rates, capacity: 100 });
  const blocked = coded("request.throttled");
  for (let tries = 0; tries < 3; tries++) throttle.take("10.0.0.1");
  assert.throws(() => throttle.take("10.0.0.1"), blocked);
  for (const address of ["fe80::1", "fe80::2", "fe80::3:4"]) throttle.take(address);
  assert.throws(() => throttle.take("fe80::5"), blocked);
  throttle.take("fe80:0:0:1::1");
  clock.advance(1_000);
  throttle.take("10.0.0.1");
  throttle.penalize("10.0.0.2", 5);
  assert.throws(
    () => throttle.take("10.0.0.2"),
    (error) => blocked(error) && (error as HerdError).retryAfterSeconds === 3,
  );
  for (let tries = 0; tries < 2; tries++) throttle.take(`10.0.1.${tries}`);
  for (let tries = 2; tries < 200; tries++) {
    try {
      throttle.take(`10.0.1.${tries}`);
    } catch (error) {
      assert.ok(blocked(error), String(error));
      return;
    }
  }
  assert.fail("nothing bounds all together");
});

test("a host is named when it is wanted, allowed and within the root's scope", () => {
  const choice = {
    wanted: ["a.local", "b.local", "c.example"],
    advertise: "localhost",
    address: "10.0.0.7",
    allowed: [],
  };
  const scope = nameScope([]);
  const always = ["localhost", "127.0.0.1", "::1"];
  assert.deepEqual(approvedHosts({ ...choice, scope }), [...always, "10.0.0.7"]);
  const allowed = ["A.local", "c.example", "d.local"];
  assert.deepEqual(approvedHosts({ ...choice, allowed, scope }), [...always, "10.0.0.7", "a.local"]);
  assert.deepEqual(approvedHosts({ ...choice, address: "203.0.113.9", scope }), always);
  assert.deepEqual(approvedHosts({ ...choice, address: "::1", advertise: "0:0:0:0:0:0:0:1", scope }), always);
  assert.throws(
    () => approvedHosts({ ...choice, advertise: "b.local", scope }),
    coded("join.refused", /--host b\.local/),
  );
});
