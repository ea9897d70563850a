// What a container image holds of the packages: what is reached, and of it what runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { packageRoot } from "../../src/core/package-root.js";
import { readText } from "../source-tree.js";

type Packages = Record<
  string,
  { dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> }
>;

interface ImageTree {
  imagePackages(packages: Packages): string[];
  runningPackages(packages: Packages, cut?: Record<string, readonly string[]>): string[];
  runs(name: string, path: string): boolean;
}

const { imagePackages, runningPackages, runs } = (await import(
  new URL("scripts/image-tree.mjs", packageRoot()).href
)) as unknown as ImageTree;

const packages: Packages = {
  "": { dependencies: { server: "1", compiler: "1" } },
  "node_modules/server": {
    dependencies: { shared: "1" },
    optionalDependencies: { "other-platform": "1", native: "1" },
  },
  "node_modules/server/node_modules/shared": {},
  "node_modules/native": {},
  "node_modules/compiler": { dependencies: { shared: "2" } },
  "node_modules/shared": { dependencies: { deep: "1" } },
  "node_modules/deep": {},
};

test("what the dependencies reach is kept, as Node finds it, without what they can do without", () => {
  assert.deepEqual(runningPackages(packages, { "": ["compiler"] }), [
    "node_modules/native",
    "node_modules/server",
    "node_modules/server/node_modules/shared",
  ]);
  assert.equal(runningPackages(packages, {}).length, 6);
});

test("an exception that nothing needs any more, and a package that is missing, are errors", () => {
  assert.throws(() => runningPackages(packages, { "": ["gone"] }), /the root does not depend on gone/);
  assert.throws(() => runningPackages({ "": { dependencies: { absent: "1" } } }, {}), /absent is not installed/);
});

test("the lockfile's own packages: the compiler of uploads runs; build tools and what is bundled stay behind", () => {
  const lock = JSON.parse(readText("package-lock.json")) as { packages: Packages };
  const running = imagePackages(lock.packages);
  for (const name of ["assemblyscript", "assemblyscript/node_modules/binaryen", "msgpackr", "uWebSockets.js"])
    assert.ok(running.includes(`node_modules/${name}`), name);
  for (const name of ["typescript", "binaryen", "@types/node", "@bytecodealliance/jco", "piscina", "yaml"])
    assert.ok(!running.includes(`node_modules/${name}`), name);
});

test("of a package, tools, typings, maps and other platforms' binaries are left out; licenses stay", () => {
  const here = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  assert.deepEqual(
    [here, "uws.js", "LICENSE", "uws_plan9_vax_1.node", "src/"].map((path) => runs("uwebsockets", path)),
    [true, true, true, false, false],
  );
  assert.deepEqual(
    ["index.js", "bin/", "LICENSE", "index.d.ts", "README.md", "index.js.map"].map((path) => runs("binaryen", path)),
    [true, false, true, false, false, false],
  );
});
