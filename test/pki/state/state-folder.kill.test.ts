// kill -9 at any moment of a change leaves a state folder that opens, with what was acknowledged or what was about to
// be.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeStateFolder, openStateFolder } from "../../../src/pki/state/state-folder.js";
import { linesUntilKilled } from "../../storage/until-killed.js";

const program = fileURLToPath(new URL("./change-forever.js", import.meta.url));

test("every acknowledged change survives kill -9, and none makes the folder look tampered with", {
  timeout: 300_000,
}, async () => {
  const directory = join(await mkdtemp(join(tmpdir(), "herd-changes-")), "state");
  try {
    await makeStateFolder(directory);
    let acknowledged = 0;
    for (let round = 0; round < 12; round++) {
      const lines = await changeUntilKilled(directory, round);
      acknowledged += lines.length;
      const folder = await openStateFolder(directory, { ephemeral: false });
      const files = await folder.files("registry");
      for (const name of ["a", "b", "c", "d"]) {
        const last = lines.findLast((line) => line.startsWith(`${name} `))?.slice(2);
        const found = (await files.read(name))?.toString();
        if (last === undefined) continue;
        // The change after the last acknowledged one may have become durable too.
        const [, count = ""] = last.split("-");
        const known = last === "gone" ? undefined : last;
        const next =
          found === undefined ? Number(count) % 7 === 6 : last === "gone" || found === `${round}-${+count + 1}`;
        assert.ok(found === known || next, `${name}: ${last} was acknowledged, and it is ${found}`);
      }
      await folder.close();
    }
    assert.ok(acknowledged > 100, `only ${acknowledged} changes were acknowledged`);
  } finally {
    await rm(join(directory, ".."), { recursive: true, force: true, maxRetries: 5 });
  }
});

async function changeUntilKilled(directory: string, round: number): Promise<string[]> {
  const lines = await linesUntilKilled([program, directory, String(round)], { mostMs: 100 });
  return lines.filter((line) => /^[a-d] (gone|\d+-\d+)$/.test(line));
}
