// The samples of a node over its restarts: new and changed ones are deployed, and users' changes stay.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import type { AppInterface } from "../../runtime/interface/model.js";
import { Catalog } from "../../src/catalog/catalog.js";
import { systemClock } from "../../src/core/clock.js";
import { HerdError } from "../../src/core/errors.js";
import { defaultLimits } from "../../src/core/limits.js";
import type { Logger } from "../../src/core/log.js";
import { Activation } from "../../src/deploy/activation.js";
import { Deployer } from "../../src/deploy/deployer.js";
import type { Compiler } from "../../src/deploy/ports.js";
import { deploySamples, type SamplesOptions } from "../../src/deploy/samples.js";
import { MemoryFiles } from "../../src/storage/state-files.js";
import { soloMesh } from "../catalog/solo-mesh.js";

const ignore = (): void => undefined;
const none: AppInterface = { version: 1, functions: [], records: [], enums: [] };

let folder: string;
let files: MemoryFiles;
let compiled: string[];
let warnings: string[];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "herd-samples-"));
});

after(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await writeFile(join(folder, "hello.ts"), "sample 1");
  files = new MemoryFiles();
  compiled = [];
  warnings = [];
  waits = [];
});

/** Waits, in milliseconds, that were requested; none is really waited for. */
let waits: number[] = [];
function waited(ms: number, run: () => void): () => void {
  waits.push(ms);
  setImmediate(run);
  return ignore;
}

/** A component is the text of its source; the text `bad` does not compile. */
const compiler: Compiler = {
  async compile(sources, { signal }) {
    signal?.throwIfAborted();
    const text = sources.map((file) => file.text).join("\n");
    compiled.push(text);
    if (text === "bad") throw new HerdError("source.invalid", "it is bad");
    return { component: Buffer.from(text), interface: none };
  },
};

/** The steps of a node's start. */
async function start(signal?: AbortSignal, node: Pick<SamplesOptions, "joined" | "mayDeploy"> = {}) {
  const log: Logger = {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: (message) => warnings.push(message),
    error: ignore,
  };
  const catalog = new Catalog({ files, clock: systemClock, ...soloMesh() });
  await catalog.open({ damaged: ignore });
  const preparer = {
    prepare: async (_: Uint8Array, revision: string) => ({ revision, interface: none }),
    inspect: async () => none,
    checkSource: async () => undefined,
  };
  const ways = { activate: ignore, remove: ignore };
  const activation = new Activation({ catalog, preparer, switch: ways });
  const deployer = new Deployer({ compiler, catalog, activation, clock: systemClock, log, node: "test" });
  const options = {
    deployer,
    catalog,
    limits: defaultLimits,
    log,
    timers: { after: (ms: number, run: () => void) => waited(ms, run) },
    ...node,
    ...(signal === undefined ? {} : { signal }),
  };
  const apps = await deploySamples(folder, options);
  const put = (text: string) => deployer.deploy({ app: "hello", files: [{ path: "hello.ts", text }], by: "token" });
  const text = async () => {
    const record = catalog.get("hello");
    return record === undefined ? undefined : (await catalog.component(record.revision)).toString();
  };
  return { apps, deployer, put, text };
}

const change = (text: string) => writeFile(join(folder, "hello.ts"), text);

test("a sample is deployed once, and again when its file changed", async () => {
  assert.deepEqual((await start()).apps, ["hello"]);
  assert.deepEqual((await start()).apps, ["hello"]);
  assert.deepEqual(compiled, ["sample 1"]);
  await change("sample 2");
  assert.equal(await (await start()).text(), "sample 2");
  await change("sample 1");
  assert.equal(await (await start()).text(), "sample 1");
});

test("a sample whose stored bytes are gone is deployed again at once", async () => {
  await start();
  for (const name of await files.list()) if (name.startsWith("blob-")) await files.remove(name);
  assert.deepEqual((await start()).apps, ["hello"]);
  assert.deepEqual(compiled, ["sample 1", "sample 1"]);
  assert.deepEqual(waits, []);
});

test("an app that a user deployed under a sample's name stays, whatever the file holds", async () => {
  await (await start()).put("mine");
  const again = await start();
  assert.equal(await again.text(), "mine");
  assert.deepEqual(again.apps, ["hello"]);
  await change("sample 2");
  assert.equal(await (await start()).text(), "mine");
});

test("a sample that a user removed stays away, until a user deploys it", async () => {
  await (await start()).deployer.remove("hello", { by: "token" });
  assert.deepEqual((await start()).apps, []);
  await change("sample 2");
  const again = await start();
  assert.equal(await again.text(), undefined);
  await again.put("mine");
  assert.equal(await (await start()).text(), "mine");
});

test("a sample that a user rolled back stays rolled back, also when its file changes", async () => {
  await start();
  await change("sample 2");
  await (await start()).deployer.rollback("hello", { by: "token" });
  assert.equal(await (await start()).text(), "sample 1");
  await change("sample 3");
  assert.equal(await (await start()).text(), "sample 1");
});

test("a node that joined deploys samples that its mesh lacks, no others, also where its file is newer", async () => {
  await start();
  await change("sample 2");
  await writeFile(join(folder, "other.ts"), "other");
  const joined = await start(undefined, { joined: true });
  assert.deepEqual(joined.apps, ["hello", "other"]);
  assert.equal(await joined.text(), "sample 1");
  await joined.deployer.remove("hello", { by: "token" });
  assert.deepEqual((await start(undefined, { joined: true })).apps, ["other"]);
});

test("a node without the deploy mark deploys no samples, and names those that its mesh has", async () => {
  await start();
  await writeFile(join(folder, "other.ts"), "other");
  await change("sample 2");
  const unmarked = await start(undefined, { joined: true, mayDeploy: false });
  assert.deepEqual(unmarked.apps, ["hello"]);
  assert.equal(await unmarked.text(), "sample 1");
  assert.deepEqual(warnings, []);
});

test("a sample that does not compile is logged, and the others are deployed", async () => {
  await change("bad");
  await writeFile(join(folder, "other.ts"), "other");
  assert.deepEqual((await start()).apps, ["other"]);
  assert.equal(warnings.length, 1);
});

test("a sample is retried with backoff on a machine that is too slow, and logged when every try fails", async () => {
  let slow = 3;
  const compile = compiler.compile;
  compiler.compile = async (sources, options) => {
    if (slow-- > 0) throw new HerdError("compile.timeout", "the machine was too slow", { retryAfterSeconds: 10 });
    return compile(sources, options);
  };
  try {
    assert.deepEqual((await start()).apps, ["hello"]);
    assert.deepEqual([waits.splice(0), warnings], [[2_000, 4_000, 8_000], []]);
    slow = Number.POSITIVE_INFINITY;
    await change("sample 2");
    await start();
    assert.deepEqual([waits.length, warnings.length], [7, 1]);
  } finally {
    compiler.compile = compile;
  }
});

test("folders of tools are no samples", async () => {
  for (const name of ["node_modules", ".git", "kit"]) {
    await mkdir(join(folder, name, "node_modules"), { recursive: true });
    await writeFile(join(folder, name, "index.ts"), name);
    await writeFile(join(folder, name, "node_modules", "index.ts"), "not this");
  }
  assert.deepEqual((await start()).apps, ["hello", "kit"]);
  assert.deepEqual(compiled, ["sample 1", "kit"]);
});

test("a signal stops between samples, and reaches the compiler", async () => {
  await writeFile(join(folder, "later.ts"), "later");
  assert.deepEqual((await start(AbortSignal.abort())).apps, []);
  const stopping = new AbortController();
  const compile = compiler.compile;
  compiler.compile = async (sources, options) => {
    assert.equal(options?.signal, stopping.signal);
    stopping.abort();
    return compile(sources, options);
  };
  try {
    assert.deepEqual((await start(stopping.signal)).apps, []);
  } finally {
    compiler.compile = compile;
  }
  assert.deepEqual(compiled, []);
  assert.deepEqual(warnings, [], "an end is no failure");
});
