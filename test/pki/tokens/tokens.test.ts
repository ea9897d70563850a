// Tokens: what they allow, when they end, and that nothing else passes for one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SignJWT } from "jose";
import { makeEnrolledKey, signerOf } from "../../../src/pki/identity/enrolled-key.js";
import { keepAdminToken } from "../../../src/pki/tokens/admin-token.js";
import { SignIn } from "../../../src/pki/tokens/sign-in.js";
import { TokenCache } from "../../../src/pki/tokens/token-cache.js";
import { maxTokenSeconds } from "../../../src/pki/tokens/token-ledger.js";
import { TokenAuthority, tokenKey } from "../../../src/pki/tokens/tokens.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";

const key = await tokenKey();
const signer = signerOf(await makeEnrolledKey());
const meshId = "0123456789abcdef0123456789abcdef";

async function authority(options: Partial<ConstructorParameters<typeof TokenAuthority>[0]> = {}) {
  const clock = new ManualClock();
  const files = new MemoryFiles();
  const tokens = new TokenAuthority({ meshId, key, signer, files, clock, ...options });
  await tokens.open();
  return { tokens, clock, files };
}

const signed = (claims: Record<string, unknown>, options: { alg?: string; typ?: string; issuer?: string } = {}) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: options.alg ?? "EdDSA", typ: options.typ ?? "JWT" })
    .setIssuer(options.issuer ?? meshId);

describe("tokens", () => {
  test("an issued token verifies, at first slowly and then at once", async () => {
    const { tokens, clock } = await authority();
    const issued = await tokens.issue({ role: "invoke", app: "hello", ttlSeconds: 60 });
    assert.equal(issued.expires, new Date(clock.now() + 60_000).toISOString());
    assert.equal(tokens.verifyCached(issued.token), undefined);
    const claims = await tokens.verify(issued.token);
    const expected = { id: issued.id, role: "invoke", app: "hello", expiresAt: clock.now() + 60_000 };
    assert.deepEqual(claims, expected);
    assert.deepEqual(tokens.verifyCached(issued.token), expected);
  });

  test("a token ends at its time, cached or not", async () => {
    const { tokens, clock } = await authority();
    const { token } = await tokens.issue({ role: "admin", ttlSeconds: 60 });
    clock.advance(59_999);
    await tokens.verify(token);
    clock.advance(1);
    assert.equal(tokens.verifyCached(token), undefined);
    await assert.rejects(tokens.verify(token), coded("auth.invalid", /expired/));
    assert.deepEqual(tokens.list(), []);
  });

  test("a revoked token is refused at once, after a restart, and at a second revocation", async () => {
    const { tokens, clock, files } = await authority();
    const { token, id } = await tokens.issue({ role: "deploy", ttlSeconds: 60 });
    await tokens.verify(token);
    await tokens.revoke(id);
    assert.equal(tokens.verifyCached(token), undefined);
    await assert.rejects(tokens.verify(token), coded("auth.invalid", /revoked/));
    await tokens.revoke(id);
    const { tokens: restarted } = await authority({ files, clock });
    await assert.rejects(restarted.verify(token), coded("auth.invalid", /revoked/));
    assert.deepEqual(restarted.list(), []);
    assert.equal(await tokens.revoke("0000000000000000"), false);
  });

  test("a revocation that could not be stored fails and changes nothing", async () => {
    const files = new MemoryFiles();
    const { tokens } = await authority({ files });
    const { token, id } = await tokens.issue({ role: "deploy", ttlSeconds: 60 });
    files.write = async () => Promise.reject(new Error("disk full"));
    await assert.rejects(tokens.revoke(id), /disk full/);
    await tokens.verify(token);
    await assert.rejects(tokens.issue({ role: "deploy", ttlSeconds: 60 }), /disk full/);
    assert.equal(tokens.list().length, 1);
  });

  test("a token revoked while it is being verified does not slip into the cache", async () => {
    const { tokens } = await authority();
    const { token, id } = await tokens.issue({ role: "deploy", ttlSeconds: 60 });
    const verifying = tokens.verify(token).catch(() => undefined);
    await tokens.revoke(id);
    await verifying;
    assert.equal(tokens.verifyCached(token), undefined);
  });

  test("what was issued is listed without its text, over restarts", async () => {
    const { tokens, clock, files } = await authority();
    const { token, ...record } = await tokens.issue({ role: "invoke", app: "hello", ttlSeconds: 60 });
    clock.advance(1_000);
    const { token: second, ...other } = await tokens.issue({ role: "admin", ttlSeconds: 60 });
    assert.deepEqual(tokens.list(), [record, other]);
    const { tokens: restarted } = await authority({ files, clock });
    assert.deepEqual(restarted.list(), [record, other]);
    const stored = (await files.read("token-0"))?.toString() ?? "";
    assert.ok(
      stored.includes(record.id) && !stored.includes(token) && !stored.includes(second.split(".")[2] ?? ""),
      "a token's text is stored, or its id is not",
    );
  });

  test("the ledger forgets what ended long ago", async () => {
    const { tokens, clock, files } = await authority();
    const { id } = await tokens.issue({ role: "invoke", ttlSeconds: 60 });
    await tokens.revoke(id);
    clock.advance(2 * 86_400_000);
    const other = await tokens.issue({ role: "invoke", ttlSeconds: 60 });
    await tokens.revoke(other.id);
    for (const name of await files.list()) assert.ok(!((await files.read(name))?.toString() ?? id).includes(id), name);
  });

  test("only what makes sense can be asked for", async () => {
    const { tokens } = await authority();
    const refused = [
      { role: "join", ttlSeconds: 60 },
      { role: "root", ttlSeconds: 60 },
      { role: "admin", app: "hello", ttlSeconds: 60 },
      { role: "invoke", app: "Hello/..", ttlSeconds: 60 },
      ...[0, -1, 1.5, Number.NaN, maxTokenSeconds + 1].map((ttlSeconds) => ({ role: "invoke", ttlSeconds })),
    ];
    for (const request of refused) {
      await assert.rejects(tokens.issue(request as never), coded("request.malformed"), JSON.stringify(request));
    }
  });

  test("a damaged ledger is an error", async () => {
    for (const content of ["", "{}", '{"payload":"{}","signer":"root","signature":"AAAA"}', "null"]) {
      const files = new MemoryFiles();
      await files.write("token-0", content);
      await assert.rejects(authority({ files }), coded("internal", /token-0 is damaged/));
    }
  });
});

test("nothing else passes for a token", async () => {
  const { tokens, clock } = await authority();
  const { token } = await tokens.issue({ role: "admin", ttlSeconds: 60 });
  const [header = "", payload = "", signature = ""] = token.split(".");
  const jti = "00112233445566aa";
  const end = Math.floor(clock.now() / 1_000) + 60;
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const forged = {
    words: "let me in",
    "no signature": `${header}.${payload}.`,
    "alg none": `${encode({ alg: "none", typ: "JWT" })}.${payload}.`,
    "changed claims": `${header}.${encode({ iss: meshId, jti, role: "admin", exp: end })}.${signature}`,
    "the public key as HMAC secret": await signed({ jti, role: "admin", exp: end }, { alg: "HS256" }).sign(
      Buffer.from(meshId.repeat(2)),
    ),
    "another mesh's key": await signed({ jti, role: "admin", exp: end }).sign(await tokenKey()),
    "another mesh's id": await signed({ jti, role: "admin", exp: end }, { issuer: "f".repeat(32) }).sign(key),
    "another type": await signed({ jti, role: "admin", exp: end }, { typ: "manifest" }).sign(key),
    "no end": await signed({ jti, role: "admin" }).sign(key),
    "no id": await signed({ role: "admin", exp: end }).sign(key),
    "a strange id": await signed({ jti: "../x", role: "admin", exp: end }).sign(key),
    "an unknown role": await signed({ jti, role: "owner", exp: end }).sign(key),
    "a strange app": await signed({ jti, role: "invoke", app: "..", exp: end }).sign(key),
    "too long": `${token}${"A".repeat(4_096)}`,
    "very long": "A.".repeat(1_000_000),
    "not ASCII": `${header}.${payload}.é${signature}`,
  };
  for (const [name, text] of Object.entries(forged)) {
    assert.equal(tokens.verifyCached(text), undefined, name);
    await assert.rejects(tokens.verify(text), coded("auth.invalid"), name);
  }
  await assert.rejects(tokens.verify(""), coded("auth.missing"));
});

test("the cache is bounded, drops what was used least lately, and forgets every spelling of a token", () => {
  const clock = new ManualClock();
  const cache = new TokenCache({ clock, capacity: 3 });
  const claims = (id: string) => ({ id, role: "invoke", expiresAt: clock.now() + 1_000 }) as const;
  for (const id of ["a", "b", "c"]) cache.set(id, claims(id));
  cache.get("a");
  cache.set("d", claims("d"));
  assert.deepEqual(
    ["a", "b", "c", "d"].map((token) => cache.get(token)?.id),
    ["a", undefined, "c", "d"],
  );
  cache.set("a again", claims("a"));
  cache.forget("a");
  assert.equal(cache.get("a") ?? cache.get("a again"), undefined);
});

test("a sign-in code works once, for ten minutes", async () => {
  const { tokens, clock } = await authority();
  const signIn = new SignIn({ tokens, clock });
  const code = signIn.createCode();
  assert.match(code, /^[A-Za-z0-9_-]{22}$/);
  const session = await signIn.redeem(code);
  assert.equal((await tokens.verify(session.token)).role, "admin");
  assert.equal(session.expires, new Date(clock.now() + 12 * 3_600_000).toISOString());
  await assert.rejects(signIn.redeem(code), coded("auth.invalid"));
  const late = signIn.createCode();
  clock.advance(600_000);
  await assert.rejects(signIn.redeem(late), coded("auth.invalid"));
  await assert.rejects(signIn.redeem(""), coded("auth.invalid"));
});

test("two redemptions of one code give one token, and open codes are bounded", async () => {
  const { tokens, clock } = await authority();
  const signIn = new SignIn({ tokens, clock });
  const code = signIn.createCode();
  const both = await Promise.allSettled([signIn.redeem(code), signIn.redeem(code)]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const codes = Array.from({ length: 65 }, () => signIn.createCode());
  await assert.rejects(signIn.redeem(codes[0] ?? ""), coded("auth.invalid"));
  await signIn.redeem(codes[1] ?? "");
});

test("the command line's token is kept while it is good, and replaced when not", async () => {
  const { tokens, clock } = await authority();
  const first = await keepAdminToken(tokens, { previous: undefined, clock });
  assert.equal(await keepAdminToken(tokens, { previous: first, clock }), first);
  for (const previous of ["nonsense", (await tokens.issue({ role: "invoke", ttlSeconds: maxTokenSeconds })).token]) {
    assert.equal((await tokens.verify((await keepAdminToken(tokens, { previous, clock })) ?? "")).role, "admin");
  }
  clock.advance(200 * 86_400_000);
  assert.notEqual(await keepAdminToken(tokens, { previous: first, clock }), first);
});
