// What is published: the product without tests or build tools, whole, and installable from a registry alone.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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
  readonly bundleDependencies?: readonly string[];
}

interface PackageScript {
  layOutPackage(options: { folder: string; destination: string }): void;
  publishedManifest(manifest: Manifest): Manifest;
  bundledManifest(manifest: Pick<Manifest, "name" | "dependencies">): Manifest;
}

const { bundledManifest, layOutPackage, publishedManifest } = (await import(
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
  assert.deepEqual(
    paths.filter((path) =>
      /(^|\/)(tests?|testing)\/|^(dist|node_modules\/.+)\/bench\/|\.test\.|\.(map|stamp|tsbuildinfo)$/.test(path),
    ),
    [],
  );
  assert.deepEqual([packed.scripts, packed.devDependencies, packed.overrides], [undefined, undefined, undefined]);
  for (const name of ["typescript", "esbuild", "preact", "@types/node"])
    assert.equal(packed.dependencies[name], undefined, name);
});

test("what a packed file imports is packed too, or is a dependency", () => {
  assert.ok(own.length > 100, `${own.length}`);
  const broken = own.flatMap((path) =>
    importsOf(readFileSync(join(destination, path), "utf8"))
      .filter((name) => !name.startsWith("node:") && !path.startsWith("dist/console/"))
      .filter((name) =>
        name.startsWith(".")
          ? !own.includes(posix.join(posix.dirname(path), name))
          : packed.dependencies[packageOf(name)] === undefined,
      )
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual(broken, []);
});

test("every version comes from a registry, and is exact", () => {
  for (const [name, version] of Object.entries(packed.dependencies))
    assert.match(version, /^(npm:[\w./@-]+@)?\d+\.\d+\.\d+$/, name);
  const bundled = paths.filter((path) => /^node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path));
  assert.ok(bundled.length > 5, `${bundled.length}`);
  for (const path of bundled) {
    const { dependencies = {} } = JSON.parse(readFileSync(join(destination, path), "utf8")) as Partial<Manifest>;
    for (const [name, version] of Object.entries(dependencies)) {
      assert.match(version, /^[~^]?\d+\.\d+\.\d+$/, `${path}: ${name}`);
      assert.ok(bundled.includes(`node_modules/${name}/package.json`), `${path}: ${name} is bundled with it`);
    }
  }
});

test("hyper-express is bundled, without its git dependency and without the binaries", () => {
  assert.deepEqual(packed.bundleDependencies, ["hyper-express"]);
  assert.ok(!paths.some((path) => path.includes("uWebSockets") || path.endsWith(".node")), JSON.stringify(paths));
  assert.match(packed.dependencies["uWebSockets.js"] ?? "", /^npm:/);
  assert.ok(paths.includes("node_modules/hyper-express/LICENSE"), `${paths}`);
});

test("an exception that a new version makes superfluous is an error", () => {
  const dependencies = { "hyper-express": "1.0.0" };
  assert.throws(() => publishedManifest({ ...packed, dependencies }), /does not depend on typescript, /);
  assert.throws(() => bundledManifest({ name: "hyper-express", dependencies: {} }), /does not depend on uWebSockets/);
});
