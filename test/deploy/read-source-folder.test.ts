// Which files of a folder are read as sources, and the bounds of the walk.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readSourceFolder } from "../../src/deploy/read-source-folder.js";

const limits = { sourceBytes: 100, sourceFiles: 3 };

async function withFiles(texts: Readonly<Record<string, string>>, run: (folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), "herd-tree-"));
  try {
    for (const [path, text] of Object.entries(texts)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const refused = { code: "request.too-large" };

test("sources are read in order, and tools' folders and other files are not", async () => {
  const tools = { "node_modules/a/index.ts": "no", "lib/node_modules/b.ts": "no", ".git/c.ts": "no", ".d.ts": "no" };
  const texts = { "index.ts": "one", "lib/deep/two.ts": "two", "types.d.ts": "no", "notes.md": "no", ...tools };
  await withFiles(texts, async (folder) => {
    assert.deepEqual(await readSourceFolder(folder, limits), [
      { path: "index.ts", text: "one" },
      { path: "lib/deep/two.ts", text: "two" },
    ]);
    assert.deepEqual(await readSourceFolder(join(folder, "index.ts"), limits), [{ path: "index.ts", text: "one" }]);
  });
});

test("a missing path is an error of the file system", async () => {
  await withFiles({}, async (folder) => {
    await assert.rejects(readSourceFolder(join(folder, "nothing"), limits), { code: "ENOENT" });
  });
});

test("too many files, too many bytes and too deep a folder are refused", async () => {
  const four = { "a.ts": "", "b.ts": "", "c/d.ts": "", "c/e.ts": "" };
  await withFiles(four, (folder) => assert.rejects(readSourceFolder(folder, limits), refused));
  const large = { "a.ts": "x".repeat(60), "b.ts": "y".repeat(41) };
  await withFiles(large, async (folder) => {
    await assert.rejects(readSourceFolder(folder, limits), refused);
    assert.equal((await readSourceFolder(folder, { ...limits, sourceBytes: 101 })).length, 2);
    await assert.rejects(readSourceFolder(join(folder, "a.ts"), { ...limits, sourceBytes: 59 }), refused);
  });
  const deep = { [`${"d/".repeat(33)}a.ts`]: "deep" };
  await withFiles(deep, (folder) => assert.rejects(readSourceFolder(folder, limits), refused));
});
