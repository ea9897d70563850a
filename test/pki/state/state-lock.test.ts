// The lock of a state folder that a full disk did not take: written as soon as it can be, and never over another's.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { processStart } from "../../../src/pki/state/process-start.js";
import { StateLock } from "../../../src/pki/state/state-lock.js";
import { disk } from "../../../src/storage/disk.js";

const heartbeatMs = 5_000;

/** A lock that was taken while the disk was full; the disk takes files again now. */
async function unwrittenLock(t: TestContext): Promise<{ readonly lock: StateLock; readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "herd-lock-"));
  const { beforeWrite } = disk;
  disk.beforeWrite = () => {
    throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  };
  const lock = await StateLock.acquire(folder).finally(() => {
    disk.beforeWrite = beforeWrite;
  });
  t.after(async () => {
    lock.release();
    await rm(folder, { recursive: true, force: true });
  });
  assert.equal(lock.isWritten, false);
  return { lock, path: join(folder, "lock") };
}

test("a lock that the disk did not take is written later, also where a dead process left one", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  for (const left of [undefined, { pid: 4_000_000, host: hostname(), start: "0", nonce: "dead" }]) {
    const { lock, path } = await unwrittenLock(t);
    if (left !== undefined) await writeFile(path, JSON.stringify(left));
    t.mock.timers.tick(heartbeatMs);
    assert.ok(lock.isWritten, "the lock is not written");
    assert.equal((JSON.parse(await readFile(path, "utf8")) as { pid: number }).pid, process.pid);
  }
});

test("a process whose lock was not written keeps no other one's alive", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { lock, path } = await unwrittenLock(t);
  const other = { pid: process.pid, host: hostname(), start: processStart(process.pid), nonce: "other" };
  await writeFile(path, JSON.stringify(other));
  // Whole seconds, which no file system rounds.
  const long = new Date(Math.floor(Date.now() / 1_000) * 1_000 - 60_000);
  await utimes(path, long, long);
  t.mock.timers.tick(heartbeatMs);
  assert.equal(lock.isWritten, false);
  assert.equal((await stat(path)).mtimeMs, long.getTime());
  assert.deepEqual(JSON.parse(await readFile(path, "utf8")), other);
});
