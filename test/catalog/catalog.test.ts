// The catalog's guarantees, for each kind of files under it; and those that only the disk can show.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sha256 } from "../../src/catalog/blobs.js";
import { Catalog } from "../../src/catalog/catalog.js";
import type { Deployment } from "../../src/catalog/model.js";
import { HerdError } from "../../src/core/errors.js";
import { SealedFiles } from "../../src/storage/sealed-files.js";
import { Sealer } from "../../src/storage/sealer.js";
import { MemoryFiles, type StateFiles } from "../../src/storage/state-files.js";
import { coded } from "../core/coded.js";
import { ManualClock } from "../harness/virtual/manual-clock.js";
import { soloMesh } from "./solo-mesh.js";

const sealer = new Sealer(Buffer.alloc(32, 1));
const clock = new ManualClock(Date.UTC(2030, 0, 1));
const solo = soloMesh();
const by = "tester";
/** Rolls back; the revision that is current then. */
const rolledBack = async (catalog: Catalog, revision?: string) => {
  await catalog.rollback("hello", { revision, by });
  return catalog.get("hello")?.revision;
};

const deployment = (text: string, options: Partial<Deployment> = {}): Deployment => ({
  app: "hello",
  component: Buffer.from(`component ${text}`),
  source: [{ path: "index.ts", text }],
  functions: ["hello"],
  by: "tester",
  ...options,
});

/** Files with room for a number of writes. */
class FillingDisk implements StateFiles {
  room = Number.POSITIVE_INFINITY;
  readonly #files: StateFiles;

  constructor(files: StateFiles) {
    this.#files = files;
  }

  async write(name: string, content: Uint8Array | string): Promise<void> {
    if (this.room-- <= 0) throw new HerdError("internal", "the disk is full");
    await this.#files.write(name, content);
  }

  read = (name: string) => this.#files.read(name);
  remove = (name: string) => this.#files.remove(name);
  list = () => this.#files.list();
  describe = (name: string) => this.#files.describe(name);
}

async function onDisk(run: (files: StateFiles, directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "herd-catalog-"));
  try {
    await run(await SealedFiles.open(directory, sealer, { scope: "catalog" }), directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function opened(files: StateFiles): Promise<Catalog> {
  const catalog = new Catalog({ files, clock, ...solo });
  await catalog.open();
  return catalog;
}

const kinds: Record<string, (run: (files: StateFiles) => Promise<void>) => Promise<void>> = {
  "sealed files": onDisk,
  memory: (run) => run(new MemoryFiles()),
};

for (const [kind, withFiles] of Object.entries(kinds)) {
  const promise = (name: string, run: (catalog: Catalog, files: StateFiles) => Promise<void>) => {
    test(name, () => withFiles(async (files) => run(await opened(files), files)));
  };

  describe(`catalog in ${kind}`, () => {
    promise("a new app is created, private, and readable", async (catalog) => {
      const { created, revision } = await catalog.put(deployment("one"));
      assert.equal(created, true);
      assert.equal(revision, sha256(Buffer.from("component one")).slice(0, 12));
      assert.deepEqual(catalog.get("hello"), {
        app: "hello",
        revision,
        revisions: [{ revision, at: "2030-01-01T00:00:00.000Z", by: "tester" }],
        public: false,
      });
      assert.equal((await catalog.component(revision)).toString(), "component one");
      assert.deepEqual(await catalog.source("hello", revision), [{ path: "index.ts", text: "one" }]);
    });

    promise("a second deployment adds a revision and keeps the setting of public", async (catalog) => {
      const first = await catalog.put(deployment("one", { public: true }));
      const second = await catalog.put(deployment("two"));
      assert.equal(second.created, false);
      assert.equal(catalog.get("hello")?.public, true);
      assert.deepEqual(
        catalog.get("hello")?.revisions.map((entry) => entry.revision),
        [first.revision, second.revision],
      );
      await catalog.put(deployment("two", { public: false }));
      assert.equal(catalog.get("hello")?.public, false);
    });

    promise("the same component again becomes current, stands once, and has its latest source", async (catalog) => {
      const one = await catalog.put(deployment("one"));
      const two = await catalog.put(deployment("two"));
      await catalog.put(deployment("one", { source: [{ path: "index.ts", text: "one // again" }] }));
      const record = catalog.get("hello");
      assert.equal(record?.revision, one.revision);
      assert.deepEqual(
        record?.revisions.map((entry) => entry.revision),
        [two.revision, one.revision],
      );
      assert.equal((await catalog.source("hello", one.revision))[0]?.text, "one // again");
    });

    promise("ten revisions are kept, and dropped ones are unknown", async (catalog, files) => {
      const revisions: string[] = [];
      for (let count = 0; count < 13; count++) revisions.push((await catalog.put(deployment(`v${count}`))).revision);
      const kept = catalog.get("hello")?.revisions.map((entry) => entry.revision);
      assert.deepEqual(kept, revisions.slice(3));
      await assert.rejects(catalog.component(revisions[0] ?? ""), coded("revision.unknown"));
      await assert.rejects(catalog.source("hello", revisions[0] ?? ""), coded("revision.unknown"));
      assert.equal((await files.list()).length, 22);
    });

    promise("rollback goes to what served before, never to the revision that was rolled back", async (catalog) => {
      const revisions: string[] = [];
      for (const name of ["a", "b", "bad"]) revisions.push((await catalog.put(deployment(name))).revision);
      const [a, b, bad] = revisions;
      assert.equal(await rolledBack(catalog), b);
      await catalog.put(deployment("worse"));
      assert.equal(await rolledBack(catalog), b);
      assert.equal(await rolledBack(catalog), a);
      await assert.rejects(rolledBack(catalog), coded("revision.unknown"));
      assert.equal(await rolledBack(catalog, bad), bad);
      assert.equal(catalog.get("hello")?.revision, bad);
      await assert.rejects(rolledBack(catalog, "0123456789ab"), coded("revision.unknown"));
      await assert.rejects(catalog.rollback("nobody", { by }), coded("app.unknown"));
    });

    promise("an app that is removed is gone with its bytes, except what another app shares", async (catalog, files) => {
      const { revision } = await catalog.put(deployment("one"));
      await catalog.put(deployment("one", { app: "other" }));
      await catalog.remove("hello", { by });
      assert.equal(catalog.get("hello"), undefined);
      assert.equal((await catalog.component(revision)).toString(), "component one");
      await catalog.remove("other", { by });
      assert.equal((await files.list()).length, 3, "the index and a removal of each");
      await assert.rejects(catalog.remove("other", { by }), coded("app.unknown"));
    });

    promise("a removal is remembered, also after a reopen, until the app is deployed again", async (catalog, files) => {
      assert.equal(catalog.wasRemoved("hello"), false);
      await catalog.put(deployment("one"));
      await catalog.remove("hello", { by });
      assert.equal(catalog.wasRemoved("hello"), true);
      const again = await opened(files);
      assert.equal(again.wasRemoved("hello"), true);
      await again.put(deployment("two"));
      assert.equal(again.wasRemoved("hello"), false);
      assert.equal((await opened(files)).wasRemoved("hello"), false);
    });

    promise("an index of another version, or of what are no names, does not open", async (_, files) => {
      await files.write("index", JSON.stringify({ version: 1, apps: [] }));
      await assert.rejects(opened(files), coded("internal", /version 2/));
      await files.write("index", JSON.stringify({ version: 2, apps: ["../a"] }));
      await assert.rejects(opened(files), coded("internal", /names are not/));
    });

    promise(
      "an app's file that the index names and that is gone is a loss, one that it does not name yet counts",
      async (catalog, files) => {
        await catalog.put(deployment("one"));
        await files.write("index", JSON.stringify({ version: 2, apps: [] }));
        assert.deepEqual((await opened(files)).list(), catalog.list());
        await files.write("index", JSON.stringify({ version: 2, apps: ["hello", "lost"] }));
        await assert.rejects(opened(files), coded("internal", /app-.* is missing/));
      },
    );

    promise("where a rollback would go is told without going there", async (catalog) => {
      const one = await catalog.put(deployment("one"));
      const two = await catalog.put(deployment("two"));
      assert.equal(catalog.rollbackTarget("hello"), one.revision);
      assert.equal(catalog.rollbackTarget("hello", two.revision), two.revision);
      assert.equal(catalog.get("hello")?.revision, two.revision);
      assert.throws(() => catalog.rollbackTarget("hello", "0123456789ab"), coded("revision.unknown"));
      assert.throws(() => catalog.rollbackTarget("nobody"), coded("app.unknown"));
    });

    promise("names that are no app names never get further", async (catalog) => {
      for (const app of ["", "A", "1a", "a/b", "../a", "a".repeat(64), "a\n", "__proto__"]) {
        assert.throws(() => catalog.get(app), coded("request.malformed"));
        await assert.rejects(catalog.put(deployment("x", { app })), coded("request.malformed"));
        await assert.rejects(catalog.remove(app, { by }), coded("request.malformed"));
        await assert.rejects(catalog.rollback(app, { by }), coded("request.malformed"));
      }
      assert.equal(catalog.get("constructor"), undefined);
    });

    promise("changes that come together are all kept, and everyone reads a whole state", async (catalog) => {
      const puts = Array.from({ length: 30 }, (_, count) => catalog.put(deployment("x", { app: `app-${count % 15}` })));
      const results = await Promise.all(puts);
      assert.equal(results.filter(({ created }) => created).length, 15);
      assert.equal(catalog.list().length, 15);
    });

    promise(
      "what was acknowledged is there after a reopen, and the caller's buffer is not kept",
      async (catalog, files) => {
        const component = Buffer.from("component of a caller");
        const put = catalog.put(deployment("x", { component }));
        component.fill(0);
        const { revision } = await put;
        await catalog.close();
        await assert.rejects(catalog.put(deployment("y")), coded("node.draining"));
        const again = await opened(files);
        assert.deepEqual(again.list(), catalog.list());
        assert.equal((await again.component(revision)).toString(), "component of a caller");
      },
    );

    promise("a change that cannot be stored changes nothing, and the next one can", async (_, files) => {
      const disk = new FillingDisk(files);
      const catalog = await opened(disk);
      await catalog.put(deployment("one"));
      const before = catalog.list();
      // Nothing could be written; the component; then, the component being there, the source.
      for (const room of [0, 1, 1]) {
        disk.room = room;
        await assert.rejects(catalog.put(deployment("two")), coded("internal", /disk is full/));
        assert.deepEqual(catalog.list(), before);
      }
      disk.room = Number.POSITIVE_INFINITY;
      await catalog.put(deployment("two"));
      assert.equal((await opened(files)).get("hello")?.revisions.length, 2);
    });
  });
}

test("nothing readable reaches the disk", async () => {
  await onDisk(async (files, directory) => {
    const catalog = await opened(files);
    await catalog.put(deployment("a very secret source text"));
    for (const name of await readdir(directory)) {
      const content = await readFile(join(directory, name));
      assert.equal(content.includes("secret source"), false);
      assert.equal(content.includes("hello"), false);
    }
  });
});

test("damage is an error that names the file, and nothing is removed", async () => {
  await onDisk(async (files, directory) => {
    const catalog = await opened(files);
    await catalog.put(deployment("one"));
    await catalog.put(deployment("two"));
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      const content = await readFile(path);
      for (const broken of [content.subarray(0, 20), content.subarray(0, -1), flipped(content), Buffer.alloc(0)]) {
        await writeFile(path, broken);
        await assert.rejects(opened(files), coded("internal", new RegExp(`${name}.* is damaged`)));
      }
      await rm(path);
      await assert.rejects(opened(files), coded("internal", new RegExp(`${name} is missing`)));
      await writeFile(path, content);
    }
    assert.equal((await opened(files)).list().length, 1);
    assert.equal((await readdir(directory)).length, 6);
  });
});

test("blobs that were swapped are detected", async () => {
  await onDisk(async (files, directory) => {
    await (await opened(files)).put(deployment("one"));
    const [one = "", other = ""] = (await readdir(directory)).filter((name) => name.startsWith("blob-"));
    await writeFile(join(directory, one), await readFile(join(directory, other)));
    await assert.rejects(opened(files), coded("internal", /is damaged/));
  });
});

test("source whose bytes are gone from this node is unavailable, and not unknown", async () => {
  await onDisk(async (files, directory) => {
    const { revision } = await (await opened(files)).put(deployment("one"));
    for (const name of await readdir(directory)) if (name.startsWith("blob-")) await rm(join(directory, name));
    const again = new Catalog({
      files: await SealedFiles.open(directory, sealer, { scope: "catalog" }),
      clock,
      ...solo,
    });
    await again.open({ damaged: () => undefined });
    const [app] = again.list();
    await assert.rejects(again.source(app?.app ?? "", revision), coded("node.unavailable", /damaged on this node/));
    await assert.rejects(again.component(revision), coded("node.unavailable", /damaged on this node/));
  });
});

test("leftovers of a crash are cleared, foreign files are left alone", async () => {
  await onDisk(async (files, directory) => {
    await (await opened(files)).put(deployment("one"));
    await files.write(`blob-${"0".repeat(64)}`, "orphan");
    await writeFile(join(directory, "index.sealed.0123456789ab.tmp"), "half");
    await writeFile(join(directory, "notes.txt"), "mine");
    await opened(await SealedFiles.open(directory, sealer, { scope: "catalog" }));
    const names = await readdir(directory);
    assert.equal(names.length, 5);
    assert.ok(names.includes("notes.txt"), `${names}`);
  });
});

test("another key opens nothing", async () => {
  await onDisk(async (files, directory) => {
    await (await opened(files)).put(deployment("one"));
    const others = await SealedFiles.open(directory, new Sealer(Buffer.alloc(32, 2)), { scope: "catalog" });
    await assert.rejects(opened(others), coded("internal", /index\.sealed is damaged, or was sealed under another/));
  });
});

function flipped(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  copy[copy.length - 20] = (copy[copy.length - 20] ?? 0) ^ 1;
  return copy;
}
