// When `npm ci` has to run: judged by what is installed, not by file times.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { packageRoot } from "../../src/core/package-root.js";

type Packages = Record<string, { version?: string; dev?: boolean; optional?: boolean }>;

interface Install {
  needsInstall(options: { root: URL; dev: boolean }): boolean;
}

const { needsInstall } = (await import(new URL("scripts/install.mjs", packageRoot()).href)) as Install;

const wanted: Packages = {
  "": { version: "1.0.0" },
  "node_modules/a": { version: "1.0.0" },
  "node_modules/a-win32": { version: "1.0.0", optional: true },
  "node_modules/d": { version: "1.0.0", dev: true },
};

function tree(t: TestContext, installed?: Packages | string): URL {
  const folder = mkdtempSync(join(tmpdir(), "herd-install-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages: wanted }));
  if (installed !== undefined) {
    mkdirSync(join(folder, "node_modules"));
    const text = typeof installed === "string" ? installed : JSON.stringify({ packages: installed });
    writeFileSync(join(folder, "node_modules/.package-lock.json"), text);
  }
  return pathToFileURL(`${folder}/`);
}

test("nothing installed, or an install that was cut short, needs one", (t) => {
  assert.ok(needsInstall({ root: tree(t), dev: false }), "nothing is installed");
  assert.ok(needsInstall({ root: tree(t, '{"packages": {'), dev: false }), "the record is cut");
  assert.ok(needsInstall({ root: tree(t, {}), dev: false }), "a package is missing");
});

test("a package of another version needs an install; another platform's that is absent does not", (t) => {
  assert.ok(!needsInstall({ root: tree(t, { "node_modules/a": { version: "1.0.0" } }), dev: false }), "all is there");
  assert.ok(
    needsInstall({ root: tree(t, { "node_modules/a": { version: "0.9.0" } }), dev: false }),
    "the version is another",
  );
});

test("development packages count only when they are needed, and do no harm otherwise", (t) => {
  const production = { "node_modules/a": { version: "1.0.0" } };
  assert.ok(needsInstall({ root: tree(t, production), dev: true }), "development packages are missing");
  const all = { ...production, "node_modules/d": { version: "1.0.0" } };
  assert.ok(!needsInstall({ root: tree(t, all), dev: true }), "all is there for development");
  assert.ok(!needsInstall({ root: tree(t, all), dev: false }), "more than enough is there");
});
