// Lays out what is published: the built product with a manifest of its own, ready for `npm pack` and `npm publish`.
//
//   npm run package                    writes dist/package, and packs it into dist/wasmherd-VERSION.tgz
//   node scripts/package.mjs --refuse  the script `prepack`: the repository's own folder is not what is published

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { buildTools } from "./image-tree.mjs";
import { npm } from "./npm.mjs";

/** Where the package is laid out; its tarball goes beside it. */
const standard = "dist/package";

/**
 * hyper-express has this package from a git address: npm needs git and GitHub for it, and npm 12 refuses it by
 * default.
 */
const binaries = "uWebSockets.js";

/** What no bundled package needs to run. */
const superfluous = /[\\/](test|tests|bench)$|\.map$/;

/**
 * The manifest to publish, made of the repository's: without scripts, build tools and development dependencies, and
 * with hyper-express inside the tarball. npm applies the `overrides` of the topmost project alone, so a dependency
 * cannot redirect the git address in hyper-express' manifest. A bundled copy with a manifest of our own can.
 */
export function publishedManifest(manifest) {
  const { scripts: _scripts, devDependencies: _dev, overrides: _overrides, ...kept } = manifest;
  const missing = buildTools.filter((name) => manifest.dependencies[name] === undefined);
  if (missing.length > 0) throw new Error(`the root does not depend on ${missing.join(", ")} any more`);
  const dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies).filter(([name]) => !buildTools.includes(name)),
  );
  return { ...kept, dependencies, bundleDependencies: ["hyper-express"] };
}

/**
 * The manifest of the bundled hyper-express, which finds the binaries by name: the published package depends on them.
 */
export function bundledManifest(manifest) {
  const { [binaries]: address, ...dependencies } = manifest.dependencies;
  if (address === undefined) throw new Error(`${manifest.name} does not depend on ${binaries} any more`);
  const { devDependencies: _dev, scripts: _scripts, ...kept } = manifest;
  return { ...kept, dependencies };
}

/** Writes the package's folder; `folder` is the built repository. Throws when a file to publish is missing. */
export function layOutPackage({ folder, destination }) {
  const manifest = readManifest(folder);
  const files = [...manifest.files, "LICENSE", "README.md"];
  const paths = files.filter((path) => !path.startsWith("!"));
  const absent = paths.filter((path) => !existsSync(join(folder, path)));
  if (absent.length > 0) throw new Error(`not built: ${absent.join(", ")} (npm run build)`);
  rmSync(destination, { recursive: true, force: true });
  mkdirSync(destination, { recursive: true });
  for (const path of paths) cpSync(join(folder, path), join(destination, path), { recursive: true });
  writeManifest(destination, publishedManifest(manifest));
  bundle({ folder, destination });
}

/** Copies hyper-express and the packages below it, which are JavaScript alone, as the lockfile has them. */
function bundle({ folder, destination }) {
  const { packages } = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
  const copied = new Set([binaries]);
  const copy = (name) => {
    if (copied.has(name)) return;
    copied.add(name);
    const path = `node_modules/${name}`;
    const { dependencies = {} } = packages[path];
    const nested = Object.keys(dependencies).filter((one) => packages[`${path}/node_modules/${one}`] !== undefined);
    if (nested.length > 0) throw new Error(`${name} has its own ${nested.join(", ")}: copy them too`);
    const filter = (file) => !superfluous.test(file);
    cpSync(join(folder, path), join(destination, path), { recursive: true, filter });
    for (const one of Object.keys(dependencies)) copy(one);
  };
  copy("hyper-express");
  const place = join(destination, "node_modules/hyper-express");
  writeManifest(place, bundledManifest(readManifest(place)));
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

function writeManifest(folder, manifest) {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Lays out the package of the built repository at `folder` and packs it; resolves to npm's exit code. */
export async function packHere(folder) {
  layOutPackage({ folder, destination: join(folder, standard) });
  return npm(["pack", `./${standard}`, "--pack-destination", "dist", "--loglevel", "warn"], { cwd: folder });
}

if (argv[1] !== undefined && pathToFileURL(argv[1]).href === import.meta.url) {
  console.error("Not published from here: npm run package makes dist/wasmherd-VERSION.tgz, which npm publish takes.");
  process.exitCode = 1;
}
