// Lays out what is published: the built product with a manifest of its own, ready for `npm pack` and `npm publish`.
//
//   npm run package                    writes dist/package, and packs it into dist/wasmherd-VERSION.tgz
//   node scripts/package.mjs --refuse  the script `prepack`: the repository's own folder is not what is published

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { external } from "./bundle.mjs";
import { npm } from "./npm.mjs";

/** Where the package is laid out; its tarball goes beside it. */
const standard = "dist/package";

/** Packages in the bundle that the library's declarations import types of. */
const declared = ["pino", "zod"];

/**
 * The manifest to publish, made of the repository's: without scripts, and with the dependencies alone that the bundle
 * leaves outside and that the types name. A node needs no other package: hyper-express, whose manifest names a git
 * address for uWebSockets.js, is in the bundle, and the binaries come from the registry by our alias.
 */
export function publishedManifest(manifest) {
  const { scripts: _scripts, devDependencies: _dev, overrides: _overrides, ...kept } = manifest;
  const names = [...external, ...declared].sort();
  const missing = names.filter((name) => manifest.dependencies[name] === undefined);
  if (missing.length > 0) throw new Error(`the root does not depend on ${missing.join(", ")} any more`);
  return { ...kept, dependencies: Object.fromEntries(names.map((name) => [name, manifest.dependencies[name]])) };
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
