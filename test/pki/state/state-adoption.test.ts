// A state folder of 0.1, which has no index: taken over once; after that, a missing index is a loss.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.js";
import { Identity } from "../../../src/pki/identity/identity.js";
import { pathOf, presentKeys } from "../../../src/storage/check-against-index.js";
import { openSealed } from "../../../src/storage/sealed-files.js";
import { Sealer } from "../../../src/storage/sealer.js";
import { coded } from "../../core/coded.js";

const open = (state: string): Promise<Identity> =>
  Identity.open({ state, ephemeral: false, name: "n1", domains: [], advertise: "localhost", clock: systemClock });

test("a folder without an index is taken over once, with all that is in it", async () => {
  const root = await mkdtemp(join(tmpdir(), "herd-adoption-"));
  const state = join(root, "state");
  const index = join(state, "index.sealed");
  try {
    const first = await open(state);
    const { token, id } = await first.tokens.issue({ role: "admin", ttlSeconds: 60 });
    await first.tokens.revoke(id);
    await first.close();
    // As 0.1 sealed: bound to the file's place alone.
    const sealer = new Sealer(await readFile(join(state, "state.key")));
    for (const key of await presentKeys(state)) {
      const opened = openSealed(sealer, await readFile(pathOf(state, key)), key);
      assert.equal(opened?.indexed, true, key);
      await writeFile(pathOf(state, key), sealer.seal(opened?.content ?? "", key));
    }
    await rm(index);
    const taken = await open(state);
    assert.deepEqual([taken.founded, taken.meshId, taken.nodeId], [false, first.meshId, first.nodeId]);
    await assert.rejects(taken.tokens.verify(token), coded("auth.invalid"));
    await taken.close();
    const kept = await readFile(index);
    await rm(index);
    await assert.rejects(open(state), coded("internal", "index.sealed is missing"));
    await writeFile(index, "garbage");
    const advised = /index\.sealed is damaged.*: herd doctor --state .* tells what to do$/;
    await assert.rejects(open(state), coded("internal", advised));
    await writeFile(index, kept);
    await (await open(state)).close();
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
});
