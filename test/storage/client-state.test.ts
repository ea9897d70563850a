// What a node tells the command line through its state folder.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readClientState, writeClientState } from "../../src/storage/client-state.js";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "herd-client-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

test("client state is read as it was written, by its owner alone", async () => {
  await inFolder(async (folder) => {
    assert.equal(await readClientState(folder), undefined);
    const state = { url: "https://localhost:8443", ca: join(folder, "ca.pem"), token: "t", ownerSecret: "s" };
    await writeClientState(folder, state);
    assert.deepEqual(await readClientState(folder), state);
    const { token: _, ownerSecret: __, ...tokenless } = { ...state, ca: join(tmpdir(), "elsewhere.pem") };
    if (process.platform !== "win32") assert.equal((await stat(join(folder, "client.json"))).mode & 0o777, 0o600);
    await writeClientState(folder, tokenless);
    assert.deepEqual(await readClientState(folder), tokenless);
  });
});

test("a state folder can be moved", async () => {
  await inFolder(async (folder) => {
    const before = join(folder, "before");
    const after = join(folder, "after");
    await mkdir(before);
    await writeClientState(before, { url: "https://localhost:1", ca: join(before, "ca.pem") });
    await rename(before, after);
    assert.equal((await readClientState(after))?.ca, join(after, "ca.pem"));
  });
});

test("a damaged file is named", async () => {
  await inFolder(async (folder) => {
    for (const text of ["", "null", "{}", '{"url":"u","ca":"c","token":1}', '{"url":"u","ca":"c","ownerSecret":[]}']) {
      await writeFile(join(folder, "client.json"), text);
      await assert.rejects(readClientState(folder), /client\.json is damaged/);
    }
  });
});
