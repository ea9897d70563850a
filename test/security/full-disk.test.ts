// A full disk loses nothing and blocks nothing: what must hold holds in memory, what cannot be accepted is refused by
// name.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { disk } from "../../src/storage/disk.js";
import { HeldWrites } from "../../src/storage/held-writes.js";
import { StorageFull, storageError } from "../../src/storage/storage-error.js";
import { ManualTime } from "../harness/virtual/manual-time.js";
import { fullDisk, type Seen } from "./full-disk-scenario.js";

const program = fileURLToPath(new URL("./full-disk-program.js", import.meta.url));

function check(seen: Seen, folder: string): void {
  const waiting = /^ready\nthe disk takes no more: \d+ changed files wait in memory\n$/;
  assert.deepEqual(seen.revokeToken, [204, "false", null]);
  assert.equal(seen.revokedToken, 401, "the token is worthless at once");
  assert.deepEqual(seen.revokeJoin, [204, "false", null]);
  for (const [step, scope] of [
    ["deploy", "catalog"],
    ["create", "identity"],
  ] as const) {
    const [status, code, detail] = seen[step] as [number, string, string];
    assert.deepEqual([status, code], [507, "storage.full"], step);
    assert.ok(detail.includes(join(folder, "state", scope)), detail);
  }
  assert.equal(seen.call, "1");
  assert.match(seen.ready as string, waiting);
  assert.equal(seen.spread, true, "the other node refuses the token too");
  assert.deepEqual(seen.revokeNode, [200, "false", false]);
  assert.deepEqual(seen.nodes, ["east"]);
  assert.deepEqual([seen.orphans, seen.leftovers], [0, []]);
  assert.deepEqual(seen.remove, [204, "false", null], "a removal is how one makes room");
  assert.deepEqual((seen.removed as unknown[]).slice(0, 2), [404, "app.unknown"]);
  assert.deepEqual([seen.freed, seen.afterApps], [2, ["demo"]]);
  assert.equal(seen.written, true);
  assert.equal(seen.startCall, "1");
  assert.match(seen.startReady as string, waiting);
  assert.deepEqual([seen.stillRevoked, seen.secondRevoked], [401, 401]);
  assert.deepEqual([seen.after, seen.afterNodes], [[401, 401], ["east"]]);
  assert.deepEqual(seen.audit, [true, true, true, true], "the audit log has what was done meanwhile");
  assert.equal(seen.deployAfter, 12);
}

test("a disk that takes no more: revocations hold and spread, calls go on, a start serves", {
  timeout: 300_000,
}, async () => {
  const [folder, elsewhere] = await Promise.all(
    ["full", "free"].map((name) => mkdtemp(join(tmpdir(), `herd-${name}-`))),
  );
  assert.ok(folder !== undefined && elsewhere !== undefined, "no folder, or no elsewhere");
  const { beforeWrite } = disk;
  try {
    const fill = async (): Promise<void> => {
      disk.beforeWrite = (path) => {
        if (path.startsWith(folder)) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      };
    };
    const free = async (): Promise<void> => {
      disk.beforeWrite = beforeWrite;
    };
    check(await fullDisk({ folder, elsewhere, fill, free }), folder);
  } finally {
    disk.beforeWrite = beforeWrite;
    for (const path of [folder, elsewhere]) await rm(path, { recursive: true, force: true, maxRetries: 5 });
  }
});

/** Whether this machine lets the test mount a file system of its own. */
const mounts =
  process.platform === "linux" &&
  spawnSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"], { stdio: "ignore" }).status === 0;

test("a real file system of 8 MiB, filled to the last byte", {
  timeout: 300_000,
  skip: mounts ? false : "no file system can be mounted here",
}, async () => {
  const [folder, elsewhere] = await Promise.all(
    ["small", "free"].map((name) => mkdtemp(join(tmpdir(), `herd-${name}-`))),
  );
  assert.ok(folder !== undefined && elsewhere !== undefined, "no folder, or no elsewhere");
  try {
    const script = 'mount -t tmpfs -o size=8m tmpfs "$1" && exec "$2" "$3" "$1" "$4"';
    // Its temporary files are on the full disk too.
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["-m", "sh", "-c", script, "sh", folder, process.execPath, program, elsewhere],
      { encoding: "utf8", env: { ...process.env, TMPDIR: folder } },
    );
    assert.equal(status, 0, stderr);
    check(JSON.parse(stdout) as Seen, folder);
  } finally {
    for (const path of [folder, elsewhere]) await rm(path, { recursive: true, force: true, maxRetries: 5 });
  }
});

test("what a disk refuses is told apart from other failures", () => {
  const of = (code: string): boolean =>
    storageError(Object.assign(new Error("x"), { code }), "/a/b") instanceof StorageFull;
  assert.deepEqual(["ENOSPC", "EDQUOT", "EROFS", "EIO"].map(of), [true, true, true, true]);
  assert.deepEqual(["EMFILE", "ENFILE", "EACCES", "EISDIR"].map(of), [false, false, false, false]);
});

test("what waits is tried again at growing intervals, the latest of each file, until it is written", async () => {
  const time = new ManualTime();
  const held = new HeldWrites(time);
  const written: string[] = [];
  const told: number[] = [];
  held.watch(() => told.push(held.paths().length));
  let isFull = true;
  const write = (text: string) => async () => {
    if (isFull) throw new Error("full");
    written.push(text);
  };
  held.hold("/a", write("old"));
  held.hold("/a", write("new"));
  held.hold("/b", write("b"));
  for (let second = 0; second < 100; second++) await time.pass(1_000);
  assert.deepEqual([written, told], [[], [1]]);
  isFull = false;
  for (let second = 0; second < 31; second++) await time.pass(1_000);
  assert.deepEqual([written, told, held.paths()], [["new", "b"], [1, 0], []]);
});
