// State files: names that cannot leave their folder, errors that name the path, changes in order.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkAppName } from "../../src/core/app-name.js";
import { SerialQueue } from "../../src/core/serial-queue.js";
import { SealedFiles } from "../../src/storage/sealed-files.js";
import { Sealer } from "../../src/storage/sealer.js";
import { MemoryFiles } from "../../src/storage/state-files.js";

const sealer = new Sealer(Buffer.alloc(32, 1));

test("both kinds of files hold what was written, and refuse names that are paths", async () => {
  const folder = await mkdtemp(join(tmpdir(), "herd-files-"));
  try {
    for (const files of [new MemoryFiles(), await SealedFiles.open(join(folder, "new"), sealer, { scope: "s" })]) {
      assert.equal(await files.read("a"), undefined);
      await files.write("a", "one");
      await files.write("a", Buffer.from("two"));
      await files.write("b-2", "");
      assert.equal((await files.read("a"))?.toString(), "two");
      assert.deepEqual((await files.list()).sort(), ["a", "b-2"]);
      await files.remove("a");
      await files.remove("a");
      assert.deepEqual(await files.list(), ["b-2"]);
      for (const name of ["", "..", "../a", "a/b", "A", "a.b", "a\0", "x".repeat(129)]) {
        await assert.rejects(files.write(name, "x"), TypeError);
        await assert.rejects(files.read(name), TypeError);
        await assert.rejects(files.remove(name), TypeError);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("what the file system refuses is an error with the path", async () => {
  const folder = await mkdtemp(join(tmpdir(), "herd-files-"));
  try {
    const files = await SealedFiles.open(folder, sealer, { scope: "s" });
    await mkdir(join(folder, "a.sealed", "b"), { recursive: true });
    await assert.rejects(files.read("a"), /a\.sealed cannot be read/);
    await assert.rejects(files.write("a", "x"), /a\.sealed cannot be written/);
    await assert.rejects(files.remove("a"), /a\.sealed cannot be removed/);
    await files.write("file", "x");
    const under = join(folder, "file.sealed", "deeper");
    await assert.rejects(SealedFiles.open(under, sealer, { scope: "s" }), /deeper cannot be used/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("queued changes run in order, each alone, past failures", async () => {
  const queue = new SerialQueue();
  const steps: string[] = [];
  const task = (name: string) => async () => {
    steps.push(`${name} starts`);
    await new Promise((resolve) => setImmediate(resolve));
    steps.push(`${name} ends`);
    if (name === "b") throw new Error("b failed");
    return name;
  };
  const results = await Promise.allSettled(["a", "b", "c"].map((name) => queue.run(task(name))));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.deepEqual(steps, ["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
  await queue.idle();
});

test("app names", () => {
  for (const name of ["a", "hello-2", "a".repeat(63)]) assert.equal(checkAppName(name), name);
  for (const name of ["", "2a", "-a", "A", "a_b", "a\n", "é", "a".repeat(64)]) {
    assert.throws(() => checkAppName(name), { code: "request.malformed" });
  }
});
