// How much a catalog remembers, and that bytes go with the last manifest that names them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "../../src/catalog/blobs.js";
import { revisionOf } from "../../src/catalog/entry.js";
import { type Manifest, manifestRecord } from "../../src/catalog/manifest.js";
import { ManifestStore } from "../../src/catalog/manifest-store.js";
import { MemoryFiles } from "../../src/storage/state-files.js";
import { TestSigner } from "./solo-mesh.js";

const signer = new TestSigner();
const sign = (payload: string) => signer.sign(payload);
const mesh = "0".repeat(32);
const source = Buffer.from("[]");

const base = (app: string, version: number) =>
  ({ kind: "manifest", mesh, app, version, at: version, author: signer.nodeId, by: "" }) as const;
const removal = (app: string, version: number) => manifestRecord({ ...base(app, version), op: "remove" }, sign);
const deploy = (app: string, version: number, component: Buffer) => {
  const digest = sha256(component);
  const manifest: Manifest = {
    ...base(app, version),
    op: "deploy",
    revision: revisionOf(digest),
    component: digest,
    componentBytes: component.length,
    source: sha256(source),
    sourceBytes: source.length,
    functions: [],
    public: false,
    limits: { deadlineMs: 1, memoryBytes: 1 },
  };
  return manifestRecord(manifest, sign);
};

test("for a new name the oldest removal is dropped; with none left the name is refused", async () => {
  const files = new MemoryFiles();
  const store = new ManifestStore(files, { maxNames: 3 });
  await store.open();
  const component = Buffer.from("component");
  const put = (app: string) => store.change(() => store.hold(deploy(app, 1, component), [component, source]));
  for (const app of ["a", "b", "c"]) await put(app);
  await store.change(() => store.hold(removal("b", 5), []));
  await store.change(() => store.hold(removal("a", 6), []));
  await put("d");
  assert.deepEqual(store.set.names().sort(), ["a", "c", "d"]);
  await put("e");
  await assert.rejects(put("f"), { code: "state.conflict" });
  await put("c");
  assert.equal((await files.list()).length, 3 + 2 + 1);
  const again = new ManifestStore(files);
  await again.open();
  assert.deepEqual(again.set.names().sort(), ["c", "d", "e"]);
});

test("bytes that two apps share go with the second, and a source that two revisions share with the last", async () => {
  const files = new MemoryFiles();
  const store = new ManifestStore(files);
  await store.open();
  const [one, two] = [Buffer.from("one"), Buffer.from("two")];
  const hold = (record: ReturnType<typeof deploy>, ...blobs: Buffer[]) => store.change(() => store.hold(record, blobs));
  await hold(deploy("a", 1, one), one, source);
  await hold(deploy("a", 2, two), two, source);
  await hold(deploy("b", 1, two));
  assert.deepEqual(
    [one, two, source].map((content) => store.hasBlob(sha256(content))),
    [true, true, true],
  );
  await hold(removal("a", 3));
  assert.deepEqual(
    [one, two, source].map((content) => store.hasBlob(sha256(content))),
    [false, true, true],
  );
  await hold(removal("b", 2));
  assert.equal((await files.list()).length, 3, "the index and two removals");
  await assert.rejects(hold(deploy("c", 1, one)), { code: "internal" });
});
