// What is in the image, and what is not.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { docker, inspect } from "./docker.js";

interface Image {
  readonly Size: number;
  readonly Config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Env: readonly string[];
    readonly Healthcheck: { readonly Test: readonly string[] };
    readonly Labels: Readonly<Record<string, string>>;
  };
}

const run = promisify(execFile);
const mebibyte = 2 ** 20;

test("the image adds little to its base", async (t) => {
  const [image, base] = [await inspect<Image>("wasmherd"), await inspect<Image>("herd-base")];
  const added = (image.Size - base.Size) / mebibyte;
  t.diagnostic(`${added.toFixed(1)} MiB above a base of ${(base.Size / mebibyte).toFixed(0)} MiB`);
  // Far below the 300 that are allowed: growth is to be noticed.
  assert.ok(added < 60, `${added} MiB`);
});

test("a node runs as a fixed user that is not root; its start, stop and check need no shell", async () => {
  const { Config } = await inspect<Image>("wasmherd");
  assert.equal(Config.User, "10001:10001");
  assert.deepEqual(Config.Entrypoint, ["node", "/app/dist/bundle/herd.js", "up"]);
  assert.deepEqual(Config.Healthcheck.Test, ["CMD", "node", "/app/healthcheck.mjs"]);
  assert.equal(Config.Labels["org.opencontainers.image.title"], "wasmherd");
});

test("the image holds no build tool, no file of another platform and none that the user may change", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-image-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { layers, text } = await ownLayers(folder);
  const binaries = layers.filter((path) => /\.node$/.test(path));
  assert.equal(binaries.filter((path) => path.includes("uWebSockets.js")).length, 1, binaries.join(", "));
  assert.deepEqual(
    binaries.filter((path) => /musl|darwin|win32/.test(path) || !path.includes(process.arch)),
    [],
  );
  const foreign = [
    /^app\/node_modules\/(typescript|@types|binaryen|npm)\//,
    /(?<!^app\/dist\/bundle\/[^/]+)\.map$/,
    /\.d\.ts$/,
    /^(app\/(test|bench|scripts)|root)\//,
  ];
  assert.deepEqual(
    layers.filter((path) => foreign.some((pattern) => pattern.test(path))),
    [],
  );
  assert.ok(layers.includes("app/dist/bundle/herd.js"), `${layers}`);
  // Names of such things stand in the code that reads them; what counts is content.
  assert.doesNotMatch(text, /-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)-----\s+[A-Za-z0-9+/=]{40}/);
  assert.doesNotMatch(text, /_authToken\s*=|herd-join\.[A-Za-z0-9_-]{40}/);
  const writable = await docker([
    "run",
    "--rm",
    "--network",
    "none",
    "--entrypoint",
    "node",
    "wasmherd",
    "--eval",
    walk,
  ]);
  assert.deepEqual(JSON.parse(writable), []);
});

/** Prints every file and folder of the product that its user may write. */
const walk = `const fs = require("fs"); const found = []; const look = (path) => {
  try { fs.accessSync(path, fs.constants.W_OK); found.push(path) } catch {}
  if (fs.lstatSync(path).isDirectory()) for (const name of fs.readdirSync(path)) look(path + "/" + name) };
  ["/app", "/etc/herd", "/usr/local/bin"].forEach(look); console.log(JSON.stringify(found))`;

/** The files that our layers add to the base, and all their bytes as text. */
async function ownLayers(folder: string): Promise<{ layers: string[]; text: string }> {
  const saved = join(folder, "image.tar");
  await docker(["save", "--output", saved, "wasmherd"]);
  await run("tar", ["--extract", "--file", saved, "--directory", folder]);
  const [manifest] = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as { Layers: string[] }[];
  const [, ...own] = manifest?.Layers ?? [];
  const layers: string[] = [];
  let text = "";
  for (const layer of own) {
    const path = join(folder, layer);
    const { stdout } = await run("tar", ["--list", "--file", path], { maxBuffer: 64 * mebibyte });
    layers.push(...stdout.split("\n"));
    text += await readFile(path, "latin1");
  }
  return { layers, text };
}
