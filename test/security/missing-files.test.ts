// A sealed file that is deleted, put back from an earlier day, exchanged or damaged: the node names it and does not
// start, or gets it back; nothing that was revoked counts again.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HerdError } from "../../src/core/errors.js";
import { herdCommand } from "../../src/testing/herd-command.js";
import { startNode } from "../harness/tls/real-node.js";
import { makeScene, type Scene, sealedFiles, standing, tampered, tamperings } from "./tampered-state.js";

/** What the mesh has too, and what each start makes anew or hears again. */
const replaceable = /^(catalog|addresses|capacity)[/\\]|-leaf\.sealed$/;

let scene: Scene;
before(async () => {
  scene = await makeScene();
});
after(() => scene?.remove());

interface Examined {
  readonly ok: boolean;
  readonly files: readonly { readonly file: string; readonly problem: string | null; readonly remedy: string | null }[];
}

/** What `herd doctor --json` says, and its exit code. */
function doctor(folder: string): { status: number | null; examined: Examined } {
  const args = [herdCommand, "doctor", "--json", "--state", join(folder, "state")];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.ok(stdout !== "", stderr);
  return { status, examined: JSON.parse(stdout) as Examined };
}

test("a folder as the node left it is good, and opens", async () => {
  const { status, examined } = doctor(scene.late);
  assert.deepEqual([status, examined.ok], [0, true]);
  assert.ok(examined.files.length > 14, `${examined.files.length}`);
  const node = await startNode({}, scene.late);
  assert.deepEqual(await standing(node, scene), { good: 200, revoked: 401, nodes: [scene.revokedNode] });
  await node.stop();
});

for (const how of Object.keys(tamperings)) {
  test(`no file of the state comes to less than it was: ${how}`, { timeout: 600_000 }, async () => {
    let tried = 0;
    for (const file of (await sealedFiles(scene.late)).filter((name) => !replaceable.test(name))) {
      const applied = await tampered(scene, { file, how }, async (folder) => {
        await assert.rejects(startNode({}, folder), (error) => {
          assert.ok(error instanceof HerdError && error.code === "internal", `${file} ${how}: ${String(error)}`);
          const named = file === "index.sealed" || error.message.includes(file);
          assert.ok(named, `${file} ${how}: ${error.message}`);
          assert.match(error.message, /herd doctor|damaged/);
          return true;
        });
        const { status, examined } = doctor(folder);
        assert.equal(status, 1, `${file} ${how}`);
        const wrong = examined.files.filter(({ problem }) => problem !== null);
        if (file !== "index.sealed")
          assert.ok(
            wrong.some((each) => join(each.file) === file),
            JSON.stringify(wrong),
          );
        assert.ok(
          wrong.every(({ remedy }) => remedy !== null && remedy.length > 10),
          JSON.stringify(wrong),
        );
      });
      if (applied) tried++;
    }
    assert.ok(tried >= 7, `only ${tried} files`);
  });
}

test("a leaf is made anew, and nothing that was revoked comes with it", { timeout: 300_000 }, async () => {
  for (const [file, how] of [
    ["identity/peer-leaf.sealed", "deleted"],
    ["identity/public-leaf.sealed", "older"],
  ] as const) {
    await tampered(scene, { file: join(file), how }, async (folder) => {
      const node = await startNode({}, folder);
      assert.deepEqual(await standing(node, scene), { good: 200, revoked: 401, nodes: [scene.revokedNode] });
      await node.stop();
      assert.equal(doctor(folder).status, 0);
    });
  }
});

test("several files at once are all named by the doctor", async () => {
  await tampered(scene, { file: join("identity", "token-revocation-0.sealed"), how: "deleted" }, async (folder) => {
    await rm(join(folder, "state", "registry", "revocation-0.sealed"));
    const { examined } = doctor(folder);
    const wrong = examined.files.flatMap(({ file, problem }) => (problem === null ? [] : [`${file} ${problem}`]));
    assert.deepEqual(wrong, [
      "identity/token-revocation-0.sealed is missing",
      "registry/revocation-0.sealed is missing",
    ]);
    await assert.rejects(startNode({}, folder), /and 1 other file/);
  });
});
