// Manifests that a catalog takes from its mesh, and those that it refuses, each with the reason.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "../../src/catalog/blobs.js";
import { Catalog } from "../../src/catalog/catalog.js";
import { readManifest } from "../../src/catalog/manifest.js";
import type { Deployment } from "../../src/catalog/model.js";
import { defaultLimits } from "../../src/core/limits.js";
import { decodeSigned, encodeSigned, type Signed } from "../../src/core/signed.js";
import { MemoryFiles } from "../../src/storage/state-files.js";
import { coded } from "../core/coded.js";
import { ManualClock } from "../harness/virtual/manual-clock.js";
import { TestAuthors, TestSigner } from "./solo-mesh.js";

const meshId = "0".repeat(32);
const clock = new ManualClock(Date.UTC(2030, 0, 1));
const alice = new TestSigner();
const bob = new TestSigner();
const unmarked = new TestSigner();
const stranger = new TestSigner();

const refused = (text: RegExp) => coded("auth.invalid", text);

const deployment = (text: string, options: Partial<Deployment> = {}): Deployment => ({
  app: "hello",
  component: Buffer.from(`component ${text}`),
  source: [{ path: "index.ts", text }],
  functions: ["b", "a"],
  by: "token",
  ...options,
});

/** One node's catalog, its knowledge of the mesh, and the manifests that it published. */
async function node(signer: TestSigner, { mesh = meshId, files = new MemoryFiles() } = {}) {
  const authors = new TestAuthors().admit(alice, { master: true }).admit(bob, { master: true });
  authors.admit(unmarked, { deploy: false });
  const published: string[] = [];
  const publish = (text: string) => published.push(text);
  const catalog = new Catalog({ files, clock, meshId: mesh, signer, authors, limits: defaultLimits, publish });
  await catalog.open();
  const blobs = async (id: string) => {
    const { component, source } = JSON.parse(decodeSigned(catalog.records.get(id) ?? "")?.payload ?? "{}");
    const both = await Promise.all([component, source].map((digest) => catalog.records.blob(digest)));
    return new Map(both.map((content) => [sha256(content ?? Buffer.alloc(0)), content ?? Buffer.alloc(0)]));
  };
  return { catalog, records: catalog.records, authors, published, files, blobs };
}

/** A changed manifest of a deploy. */
async function forged(change: Record<string, unknown>, sign: (payload: string) => Signed): Promise<string> {
  const { published, catalog } = await node(alice);
  await catalog.put(deployment("one"));
  const payload = JSON.parse(decodeSigned(published[0] ?? "")?.payload ?? "") as object;
  return encodeSigned(sign(JSON.stringify({ ...payload, ...change })));
}

const byAlice = (payload: string) => alice.sign(payload);

test("a manifest is announced, and no reader sees it before its bytes are held", async () => {
  const [from, to] = [await node(alice), await node(bob)];
  const { manifest, revision } = await from.catalog.put(deployment("one"));
  assert.equal(await to.records.accept(manifest.text), "new");
  assert.equal(await to.records.accept(manifest.text), "known");
  assert.deepEqual([...to.records.ids()], [manifest.id]);
  assert.equal(to.records.get(manifest.id), manifest.text);
  assert.equal(to.records.stateOf(manifest.id), "announced");
  assert.equal(to.catalog.get("hello"), undefined);
  assert.equal(to.records.missing(readManifest(manifest.text)).length, 2);
  await assert.rejects(to.records.hold(manifest.id, new Map()), { code: "internal" });
  const wrong = new Map([...(await from.blobs(manifest.id))].map(([digest]) => [digest, Buffer.from("component 0n3")]));
  await assert.rejects(to.records.hold(manifest.id, wrong), refused(/not those/));
  assert.equal(to.catalog.get("hello"), undefined);
  assert.deepEqual(await to.records.hold(manifest.id, await from.blobs(manifest.id)), ["hello"]);
  assert.deepEqual(to.catalog.list(), from.catalog.list());
  assert.equal((await to.catalog.component(revision)).toString(), "component one");
  assert.deepEqual(await to.catalog.source("hello", revision), await from.catalog.source("hello", revision));
  assert.deepEqual(await to.records.hold(manifest.id, new Map()), [], "once");
});

test("held manifests survive a restart, announced ones are received again", async () => {
  const [from, to] = [await node(alice), await node(bob)];
  const one = await from.catalog.put(deployment("one"));
  const two = await from.catalog.put(deployment("two"));
  for (const { manifest } of [one, two]) await to.records.accept(manifest.text);
  await to.records.hold(one.manifest.id, await from.blobs(one.manifest.id));
  const again = await node(bob, { files: to.files });
  assert.deepEqual([...again.records.ids()], [one.manifest.id]);
  assert.equal(again.catalog.get("hello")?.revision, one.revision);
  assert.equal(await again.records.accept(two.manifest.text), "new");
});

test("rollback and removal spread, and a removal takes the bytes with it", async () => {
  const [from, to] = [await node(alice), await node(bob)];
  const bring = async ({ id, text }: { id: string; text: string }) => {
    await to.records.accept(text);
    await to.records.hold(id, await from.blobs(id).catch(() => new Map()));
  };
  await bring((await from.catalog.put(deployment("one", { public: true }))).manifest);
  await bring((await from.catalog.put(deployment("two"))).manifest);
  await bring(await from.catalog.rollback("hello", { by: "token" }));
  assert.deepEqual(to.catalog.get("hello"), from.catalog.get("hello"));
  assert.equal(to.catalog.get("hello")?.public, true);
  await bring(await from.catalog.remove("hello", { by: "token" }));
  assert.equal(to.catalog.get("hello"), undefined);
  assert.equal(to.catalog.wasRemoved("hello"), true);
  assert.equal((await to.files.list()).length, 2);
  const { created, revision } = await to.catalog.put(deployment("one"));
  assert.equal(created, true);
  assert.equal(to.catalog.get("hello")?.revision, revision, "a deploy after a removal counts over it");
  assert.equal(to.catalog.get("hello")?.public, false);
});

test("a manifest that a hold brought before the replica did is still passed on, once", async () => {
  const [from, to] = [await node(alice), await node(bob)];
  const { manifest } = await from.catalog.put(deployment("one"));
  assert.equal((await to.records.take(manifest.text)).verdict, "new");
  assert.equal(await to.records.accept(manifest.text), "new");
  assert.equal(await to.records.accept(manifest.text), "known");
});

test("a manifest of an unknown signer waits; one of an unmarked, revoked or forged signer is refused", async () => {
  const { records, authors } = await node(bob);
  const byStranger = await forged({ author: stranger.nodeId }, (payload) => stranger.sign(payload));
  assert.equal(await records.accept(byStranger), "waiting");
  authors.admit(stranger);
  assert.equal(await records.accept(byStranger), "new");
  const byUnmarked = await forged({ version: 9, author: unmarked.nodeId }, (payload) => unmarked.sign(payload));
  await assert.rejects(records.accept(byUnmarked), refused(/no deploy mark/));
  const lying = await forged({ version: 9, author: alice.nodeId }, (payload) => unmarked.sign(payload));
  await assert.rejects(records.accept(lying), refused(/another node than its author/));
  const stolen = await forged({ version: 9 }, (payload) => ({ ...unmarked.sign(payload), signer: alice.nodeId }));
  await assert.rejects(records.accept(stolen), refused(/signature/));
  const unsigned = await forged({ version: 9 }, (payload) => ({ payload, signer: alice.nodeId, signature: "AAAA" }));
  await assert.rejects(records.accept(unsigned), refused(/signature/));
  authors.revoke(alice.nodeId);
  await assert.rejects(records.accept(await forged({ version: 9 }, byAlice)), refused(/revoked/));
});

test("a tampered or malformed manifest, one of another mesh or from the future is refused", async () => {
  const { records } = await node(bob);
  const refusals: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ mesh: "1".repeat(32) }, /another mesh/],
    [{ at: clock.now() + 11 * 60_000 }, /future/],
    [{ revision: "0".repeat(12) }, /revision is not that/],
    [{ functions: ["b", "a"] }, /not in order/],
    [{ version: 2 ** 48 + 1 }, /not well-formed: version/],
    [{ version: 1.5 }, /not well-formed: version/],
    [{ componentBytes: 2 ** 40 }, /not well-formed: componentBytes/],
    [{ app: "../etc" }, /not well-formed: app/],
    [{ op: "explode" }, /not well-formed/],
    [{ extra: 1 }, /not well-formed/],
    [{ kind: "admission" }, /not well-formed: kind/],
  ];
  for (const [change, reason] of refusals) {
    await assert.rejects(records.accept(await forged(change, byAlice)), refused(reason), JSON.stringify(change));
  }
  const tampered = (await forged({}, byAlice)).replace('\\"public\\":false', '\\"public\\":true');
  await assert.rejects(records.accept(tampered), refused(/signature/));
  for (const text of ["", "{}", "null", '{"payload":"x"}', "x".repeat(70_000), await forged({}, () => byAlice("{"))]) {
    await assert.rejects(records.accept(text), refused(/manifest/));
  }
  assert.deepEqual([...records.ids()], []);
});

test("a manifest whose signer is revoked before its bytes come is dropped", async () => {
  const [from, to] = [await node(alice), await node(bob)];
  const { manifest } = await from.catalog.put(deployment("one"));
  await to.records.accept(manifest.text);
  to.authors.revoke(alice.nodeId);
  await assert.rejects(to.records.hold(manifest.id, await from.blobs(manifest.id)), refused(/revoked/));
  assert.deepEqual([...to.records.ids()], []);
});

test("announced manifests of a revoked node are dropped, held ones stay", async () => {
  const [from, to] = [await node(alice), await node(bob)];
  const one = await from.catalog.put(deployment("one"));
  await to.records.accept(one.manifest.text);
  await to.records.hold(one.manifest.id, await from.blobs(one.manifest.id));
  await to.records.accept((await from.catalog.put(deployment("two"))).manifest.text);
  to.authors.revoke(alice.nodeId);
  assert.equal(to.records.dropFrom(alice.nodeId), 1);
  assert.deepEqual([...to.records.ids()], [one.manifest.id]);
  assert.equal(to.catalog.get("hello")?.revision, one.revision);
});

test("after a revocation, manifests signed anew by a master reach late nodes, and replace the old copies", async () => {
  const [from, master, other, late] = [await node(alice), await node(bob), await node(unmarked), await node(unmarked)];
  const { manifest } = await from.catalog.put(deployment("one"));
  for (const to of [master, other]) {
    await to.records.accept(manifest.text);
    await to.records.hold(manifest.id, await from.blobs(manifest.id));
  }
  const early = encodeSigned(bob.sign(decodeSigned(manifest.text)?.payload ?? ""));
  assert.equal(await late.records.accept(early), "waiting", "its author is not revoked as far as this node knows");
  for (const { authors } of [master, other, late]) authors.revoke(alice.nodeId);
  await assert.rejects(late.records.accept(manifest.text), refused(/revoked/));
  assert.equal(await master.records.resign(), 1);
  const [resigned = ""] = master.published;
  assert.equal(master.records.get(manifest.id), resigned);
  assert.equal(await late.records.accept(resigned), "new");
  assert.equal(await other.records.accept(resigned), "new");
  assert.equal(await other.records.accept(resigned), "known");
  assert.equal(other.records.get(manifest.id), resigned);
  assert.deepEqual(other.catalog.list(), master.catalog.list());
  assert.equal((await node(unmarked, { files: other.files })).records.get(manifest.id), resigned, "also on disk");
});

test("of two components with one name, the one with the lower record id counts, whichever came first", async () => {
  // The names are made equal by hand: real ones take 2^24 tries.
  const collide = async (app: string, text: string) => {
    const { published, catalog } = await node(alice);
    await catalog.put(deployment(text, { app }));
    return readManifest(published[0] ?? "");
  };
  const { ManifestSet, noManifests, withHeld } = await import("../../src/catalog/manifest-set.js");
  const two = [await collide("left", "one"), await collide("right", "two")].map((record) => ({
    ...record,
    manifest: { ...record.manifest, revision: "0".repeat(12) },
  }));
  const [low, high] = two.sort((a, b) => (a.id < b.id ? -1 : 1));
  assert.ok(
    low?.manifest.op === "deploy" && high?.manifest.op === "deploy",
    `${low?.manifest.op} and ${high?.manifest.op}`,
  );
  for (const order of [
    [low, high],
    [high, low],
  ]) {
    const set = new ManifestSet();
    for (const record of order) set.set(record.manifest.app, withHeld(noManifests, record));
    assert.equal(set.componentOf("0".repeat(12)), low.manifest.component);
    assert.equal(set.entry(low.manifest.app)?.revision, "0".repeat(12));
    assert.equal(set.entry(high.manifest.app), undefined);
  }
});
