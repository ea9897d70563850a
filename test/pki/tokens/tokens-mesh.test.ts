// Tokens across a mesh: what one master issues or revokes holds at every node, in whatever order it is heard.

import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { test } from "node:test";
import type { AuditEvent } from "../../../src/pki/registry/audit-record.js";
import { Registry } from "../../../src/pki/registry/registry.js";
import { Revoker } from "../../../src/pki/registry/revocation.js";
import { TokenAuthority, tokenKey } from "../../../src/pki/tokens/tokens.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { silent } from "../audit/silent-log.js";
import { PaperMesh, type PaperNode } from "../mesh-records.js";

const mesh = await PaperMesh.found();
const key = await tokenKey();
const m1 = await mesh.master("m1");
const m2 = await mesh.master("m2");
const n1 = mesh.node("n1");
const base: [string, string][] = [
  ["grant", mesh.grant(m1)],
  ["grant", mesh.grant(m2)],
  ["admission", mesh.admission(m1, { master: m1, parent: null, approvedBy: "founder" })],
  ["admission", mesh.admission(m2, { master: m1 })],
  ["admission", mesh.admission(n1, { master: m1 })],
];

/** One node, and the wire of records on which it stands; `deaf` nodes hear nothing. */
async function nodeOf(
  node: PaperNode,
  wire: ((kind: string, text: string) => Promise<void>)[],
  files = new MemoryFiles(),
) {
  const { meshId, root, clock } = mesh;
  const registry = new Registry({ meshId, rootCertificate: root.certificate, files: new MemoryFiles(), clock });
  const tokens = new TokenAuthority({
    meshId,
    signer: node.signer,
    files,
    clock,
    key: node.certificate === undefined ? createPublicKey(key) : key,
  });
  const state = { deaf: false };
  const take = async (kind: string, text: string) => {
    const store = [...registry.stores, ...tokens.stores].find((candidate) => candidate.kind === kind);
    assert.notEqual(await store?.accept(text), undefined);
  };
  wire.push(async (kind, text) => {
    if (!state.deaf) await take(kind, text).catch(() => undefined);
  });
  const publish = async (kind: string, text: string) => {
    await take(kind, text);
    for (const send of wire) await send(kind, text);
  };
  for (const [kind, text] of base) await take(kind, text);
  await tokens.open();
  const audited: AuditEvent[] = [];
  const audit = async (event: AuditEvent) => {
    audited.push(event);
  };
  tokens.connect({ authors: registry, publish, audit });
  const revoker = new Revoker({
    registry,
    signer: node.signer,
    clock,
    log: silent,
    publish,
    audit,
    alsoRepeats: [tokens],
  });
  revoker.start();
  return { registry, tokens, take, revoker, state, audited };
}

async function three(files = new MemoryFiles()) {
  const wire: ((kind: string, text: string) => Promise<void>)[] = [];
  return { first: await nodeOf(m1, wire), second: await nodeOf(m2, wire), node: await nodeOf(n1, wire, files) };
}

test("the audit log hears who had a token made or revoked, once", async () => {
  const { first, second } = await three();
  const { id } = await first.tokens.issue({ role: "invoke", app: "demo", ttlSeconds: 60, by: "0123456789abcdef" });
  for (const by of ["fedcba9876543210", "another"]) await second.tokens.revoke(id, by);
  const created = { event: "token.created", by: "0123456789abcdef", subject: id, detail: "invoke for demo, 60 s" };
  assert.deepEqual(first.audited, [created]);
  assert.deepEqual(second.audited, [{ event: "token.revoked", by: "fedcba9876543210", subject: id, detail: "" }]);
});

test("a token of one master is good and listed everywhere, and a revocation by another ends it at once", async () => {
  const { first, second, node } = await three();
  const { token, ...record } = await first.tokens.issue({ role: "deploy", ttlSeconds: 60 });
  for (const { tokens } of [first, second, node]) {
    assert.equal((await tokens.verify(token)).id, record.id);
    assert.deepEqual(tokens.list(), [record]);
  }
  assert.notEqual(node.tokens.verifyCached(token), undefined);
  await second.tokens.revoke(record.id);
  for (const { tokens } of [first, second, node]) {
    assert.equal(tokens.verifyCached(token), undefined, "the cache forgets at once");
    await assert.rejects(tokens.verify(token), coded("auth.invalid", /revoked/));
    assert.deepEqual(tokens.list(), []);
  }
});

test("a node that is no master issues and revokes nothing", async () => {
  const { first, node } = await three();
  const { id } = await first.tokens.issue({ role: "invoke", ttlSeconds: 60 });
  await assert.rejects(node.tokens.issue({ role: "invoke", ttlSeconds: 60 }), coded("node.unavailable", /master/));
  await assert.rejects(node.tokens.revoke(id), coded("node.unavailable", /master/));
  const record = { id, expiresAt: mesh.clock.now() + 60_000 };
  const forged = mesh.record("token-revocation", record, n1);
  await assert.rejects(first.take("token-revocation", forged), coded("auth.invalid", /no master/));
});

test("a revocation that comes before its token holds, also after a restart", async () => {
  const files = new MemoryFiles();
  const { first, node } = await three(files);
  node.state.deaf = true;
  const { id, token } = await first.tokens.issue({ role: "invoke", ttlSeconds: 60 });
  await first.tokens.revoke(id);
  for (const store of [...first.tokens.stores].reverse()) {
    for (const record of store.ids()) await node.take(store.kind, store.get(record) ?? "");
  }
  await assert.rejects(node.tokens.verify(token), coded("auth.invalid", /revoked/));
  const { node: restarted } = await three(files);
  await assert.rejects(restarted.tokens.verify(token), coded("auth.invalid", /revoked/));
  assert.deepEqual(restarted.tokens.list(), []);
});

test("what a revoked master issued before stays good, also for late nodes; what it signs later is not", async () => {
  const { first, second, node } = await three();
  const before = await second.tokens.issue({ role: "invoke", ttlSeconds: 60 });
  const unknown = await (async () => {
    // The stolen master goes on by itself: nobody hears of what it issues.
    for (const { state } of [first, node]) state.deaf = true;
    const issued = await second.tokens.issue({ role: "admin", ttlSeconds: 60 });
    for (const { state } of [first, node]) state.deaf = false;
    return issued;
  })();
  assert.equal((await node.tokens.verify(unknown.token)).role, "admin", "until it is known to be stolen");
  await first.revoker.revoke("m2", { subtree: false, by: "test" });
  await first.revoker.stop();
  for (const { tokens } of [first, node]) {
    assert.equal(tokens.verifyCached(unknown.token), undefined);
    await assert.rejects(tokens.verify(unknown.token), coded("auth.invalid", /not among those/));
    assert.equal((await tokens.verify(before.token)).id, before.id);
    assert.deepEqual(tokens.orphans(), []);
  }
  const late = mesh.record(
    "token",
    { id: "00112233445566aa", role: "admin", expiresAt: mesh.clock.now() + 60_000 },
    m2,
  );
  await assert.rejects(first.take("token", late), coded("auth.invalid", /revoked/));
});

test("records that would stay for ever, or from the future, are refused", async () => {
  const { first } = await three();
  const { clock } = mesh;
  const said = { id: "00112233445566aa", expiresAt: clock.now() + 11 * 365 * 86_400_000 };
  await assert.rejects(
    first.take("token-revocation", mesh.record("token-revocation", said, m2)),
    coded("auth.invalid", /too long/),
  );
  const future = { ...said, at: clock.now() + 3_600_000, expiresAt: clock.now() + 7_200_000 };
  await assert.rejects(
    first.take("token-revocation", mesh.record("token-revocation", future, m2)),
    coded("auth.invalid", /future/),
  );
});
