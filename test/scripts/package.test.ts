// What is published: the product without tests or build tools, whole, and installable from a registry alone.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/core/package-root.js";
import { importsOf, packageOf } from "../source-tree.js";

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly version: string;
  readonly files: readonly string[];
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly repository: { readonly url: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly overrides?: object;
  readonly scripts?: Readonly<Record<string, string>>;
}

interface SourceMap {
  readonly sources: readonly string[];
}

interface PackageScript {
  layOutPackage(options: { folder: string; destination: string }): void;
  publishedManifest(manifest: Manifest): Manifest;
}

const { layOutPackage, publishedManifest } = (await import(
  new URL("scripts/package.mjs", packageRoot()).href
)) as unknown as PackageScript;

const destination = mkdtempSync(join(tmpdir(), "herd-package-"));
layOutPackage({ folder: fileURLToPath(packageRoot()), destination });
after(() => rmSync(destination, { recursive: true, force: true, maxRetries: 5 }));

const packed = JSON.parse(readFileSync(join(destination, "package.json"), "utf8")) as Manifest;
const paths = packedFiles();
const own = paths.filter((path) => path.startsWith("dist/") && path.endsWith(".js"));

/** What npm would put into the tarball, as paths in the package. */
function packedFiles(): string[] {
  const args = ["pack", "--dry-run", "--json", "--loglevel", "error"];
  const shell = process.platform === "win32";
  const { stdout } = spawnSync("npm", args, { cwd: destination, encoding: "utf8", shell });
  // npm 12 prints an object by name, earlier ones an array.
  const [pack] = Object.values(JSON.parse(stdout) as Record<string, { files: readonly { path: string }[] }>);
  return (pack?.files ?? []).map(({ path }) => path);
}

test("the manifest can be published, and its command and exports exist", () => {
  assert.equal(packed.private, undefined);
  assert.match(packed.repository.url, /^git\+https:\/\/github\.com\/.+\.git$/);
  const { ".": main, "./package.json": manifest } = packed.exports;
  const targets = [...Object.values(packed.bin), ...Object.values(main ?? {}), manifest];
  assert.equal(targets.length, 4);
  for (const target of targets) assert.ok(paths.includes(posix.normalize(String(target))), String(target));
});

test("no test, no benchmark and no build tool is in it", () => {
  const foreign =
    /(^|\/)(tests?|testing)\/|^dist\/(bench\/|(src|runtime)\/.*(js|map)$)|\.(stamp|tsbuildinfo)$|\.test\./;
  assert.deepEqual(
    paths.filter((path) => foreign.test(path)),
    [],
  );
  assert.deepEqual([packed.scripts, packed.devDependencies, packed.overrides], [undefined, undefined, undefined]);
  for (const name of ["typescript", "esbuild", "preact", "@types/node"])
    assert.equal(packed.dependencies[name], undefined, name);
});

test("what a bundled file imports is packed too, is a dependency, or belongs to Node", () => {
  const bundled = own.filter((path) => path.startsWith("dist/bundle/"));
  assert.ok(bundled.length > 20, `${bundled.length}`);
  const known = new Set([...Object.keys(packed.dependencies), ...bundled.map((path) => `./${posix.basename(path)}`)]);
  const foreign = bundled.flatMap((path) => {
    const text = readFileSync(join(destination, path), "utf8");
    const imports = text.matchAll(/(?:\bfrom|\bimport|\bimport\(|require\()"([@\w./:-]+)"/g);
    const names = Array.from(imports, ([, name = ""]) => name);
    return names.filter((name) => !isBuiltin(name) && !known.has(name.startsWith(".") ? name : packageOf(name)));
  });
  // Piscina can do without, and does: no node sets a niceness through it.
  assert.deepEqual([...new Set(foreign)], ["@napi-rs/nice"]);
});

test("what the library's declarations import is packed too, or is a dependency or a package of types", () => {
  const declarations = new Set([posix.normalize(String(Object(packed.exports["."]).types))]);
  for (const path of declarations) {
    assert.ok(paths.includes(path), path);
    for (const name of importsOf(readFileSync(join(destination, path), "utf8"))) {
      if (name.startsWith(".")) declarations.add(posix.join(posix.dirname(path), name.replace(/\.js$/, ".d.ts")));
      else assert.ok(isBuiltin(name) || name === "node-forge" || packed.dependencies[name], `${path}: ${name}`);
    }
  }
  assert.ok(declarations.size > 10, `${declarations.size}`);
});

test("every version comes from a registry, and is exact", () => {
  for (const [name, version] of Object.entries(packed.dependencies))
    assert.match(version, /^(npm:[\w./@-]+@)?\d+\.\d+\.\d+$/, name);
});

test("hyper-express, whose manifest has a git address, is bundled with its license; binaries are a package", () => {
  assert.ok(!paths.some((path) => path.startsWith("node_modules/") || path.endsWith(".node")), JSON.stringify(paths));
  assert.match(packed.dependencies["uWebSockets.js"] ?? "", /^npm:/);
  const licenses = readFileSync(join(destination, "dist/bundle/LICENSES.txt"), "utf8");
  for (const name of ["hyper-express", "node-forge", "piscina", "zod"])
    assert.match(licenses, new RegExp(`^${name} [0-9.]+ \\(.+\\)$`, "m"));
});

test("each bundled file has its source map, which names sources of this repository", () => {
  const bundled = own.filter((path) => path.startsWith("dist/bundle/"));
  for (const path of bundled) assert.ok(paths.includes(`${path}.map`), path);
  const { sources } = JSON.parse(readFileSync(join(destination, "dist/bundle/node.js.map"), "utf8")) as SourceMap;
  assert.ok(sources.includes("../../src/node/node.ts"), `${sources}`);
});

test("an exception that a new version makes superfluous is an error", () => {
  const dependencies = { "hyper-express": "1.0.0" };
  assert.throws(() => publishedManifest({ ...packed, dependencies }), /does not depend on @bytecodealliance/);
});
