// kill -9 at any moment of a deployment loses nothing that was acknowledged.

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Catalog } from "../../src/catalog/catalog.js";
import { systemClock } from "../../src/core/clock.js";
import { SealedFiles } from "../../src/storage/sealed-files.js";
import { Sealer } from "../../src/storage/sealer.js";
import { linesUntilKilled } from "../storage/until-killed.js";
import { soloMesh } from "./solo-mesh.js";

const program = fileURLToPath(new URL("./deploy-forever.js", import.meta.url));

test("every acknowledged deployment survives kill -9", { timeout: 500_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), "herd-kill-"));
  try {
    let acknowledged = 0;
    for (let round = 0; round < 22; round++) {
      const lines = await deployUntilKilled(directory, round);
      acknowledged += lines.length;
      const files = await SealedFiles.open(directory, new Sealer(Buffer.alloc(32, 7)), { scope: "catalog" });
      const catalog = new Catalog({ files, clock: systemClock, ...soloMesh() });
      await catalog.open();
      for (const line of lastTenOfEach(lines)) {
        const [app = "", revision = ""] = line.split(" ");
        const known = catalog.get(app)?.revisions.map((entry) => entry.revision) ?? [];
        assert.ok(known.includes(revision), `${line} was acknowledged and is gone`);
        assert.equal((await catalog.component(revision)).length, 20_000);
        assert.equal((await catalog.source(app, revision)).length, 1);
      }
      const expected = catalog.list().reduce((sum, app) => sum + app.revisions.length * 2 + 1, 0);
      assert.equal((await readdir(directory)).length, expected + 1, "orphans are removed");
    }
    assert.ok(acknowledged >= 22, `only ${acknowledged} deployments were acknowledged`);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
});

/**
 * Starts the deployer, kills it at a random moment after its first acknowledgement, and returns what it acknowledged.
 */
async function deployUntilKilled(directory: string, round: number): Promise<string[]> {
  const lines = await linesUntilKilled([program, directory, String(round)], { mostMs: 60 });
  return lines.filter((line) => /^app-\d [0-9a-f]{12}$/.test(line));
}

/** One deployment after the last acknowledged one may have become durable too, and pushed out the tenth. */
function lastTenOfEach(lines: readonly string[]): string[] {
  const apps = new Map<string, string[]>();
  for (const line of lines) {
    const app = line.slice(0, line.indexOf(" "));
    apps.set(app, [...(apps.get(app) ?? []), line].slice(-9));
  }
  return [...apps.values()].flat();
}
