// Files are replaced whole, privately, and nothing is left behind.

import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isTemporary, syncDirectory, writeFileAtomic } from "../../src/storage/atomic-file.js";

async function folder(t: { after(done: () => Promise<void>): void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "herd-atomic-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test("a file is created and replaced, alone in its folder", async (t) => {
  const path = join(await folder(t), "state.json");
  await writeFileAtomic(path, "one");
  await writeFileAtomic(path, Buffer.from("two"));
  assert.equal(await readFile(path, "utf8"), "two");
  assert.deepEqual(await readdir(join(path, "..")), ["state.json"]);
});

test("only the owner may read it, unless another mode is given", { skip: process.platform === "win32" }, async (t) => {
  const directory = await folder(t);
  await writeFileAtomic(join(directory, "secret"), "x");
  await writeFileAtomic(join(directory, "shared"), "x", { mode: 0o644 });
  assert.equal((await stat(join(directory, "secret"))).mode & 0o777, 0o600);
  assert.equal((await stat(join(directory, "shared"))).mode & 0o777, 0o644 & ~process.umask());
  await chmod(join(directory, "secret"), 0o644);
  await writeFileAtomic(join(directory, "secret"), "y");
  assert.equal((await stat(join(directory, "secret"))).mode & 0o777, 0o600);
});

test("a write that fails leaves the old content and no leftover", async (t) => {
  const directory = await folder(t);
  await mkdir(join(directory, "taken"));
  await assert.rejects(writeFileAtomic(join(directory, "taken"), "x"));
  assert.deepEqual(await readdir(directory), ["taken"]);
  await assert.rejects(writeFileAtomic(join(directory, "absent", "file"), "x"), { code: "ENOENT" });
});

test("writers at once end with one of their contents, whole", async (t) => {
  const directory = await folder(t);
  const contents = Array.from({ length: 20 }, (_, index) => String(index).repeat(10_000));
  await Promise.all(contents.map((content) => writeFileAtomic(join(directory, "file"), content)));
  assert.ok(contents.includes(await readFile(join(directory, "file"), "utf8")), "the file is none of the contents");
  assert.deepEqual(await readdir(directory), ["file"]);
});

test("a leftover of a crash is told from other files", () => {
  assert.ok(isTemporary("index.0123456789ab.tmp"), "index.0123456789ab.tmp");
  assert.ok(!isTemporary("index"), "index");
  assert.ok(!isTemporary("notes.tmp"), "notes.tmp");
});

test("a folder that is not there cannot be made durable", { skip: process.platform === "win32" }, async () => {
  await assert.rejects(syncDirectory(join(tmpdir(), "herd-absent-folder")), { code: "ENOENT" });
});
