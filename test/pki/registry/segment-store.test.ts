// Segments on a disk that takes nothing: what must count counts, and what is over may stay.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SegmentStore } from "../../../src/pki/registry/segment-store.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { StorageFull } from "../../../src/storage/storage-error.js";

class FullDisk extends MemoryFiles {
  override async remove(): Promise<void> {
    throw new StorageFull("the disk is full", undefined);
  }
}

test("a segment that a full disk does not let go stays when what is kept with it must not fail", async () => {
  const files = new FullDisk();
  const store = new SegmentStore(files, "token");
  await store.write(0, ["one"], { keep: false });
  await store.write(0, [], { keep: true });
  assert.deepEqual([...(await store.load())], [[0, ["one"]]]);
  await assert.rejects(store.write(0, [], { keep: false }), { code: "storage.full" });
});
