// Completes package-lock.json after a change of dependencies, so that `npm ci` accepts it on every platform.
//
// npm leaves out an optional package that the registry in use does not serve, and then refuses its own lockfile
// elsewhere ("Missing: … from lock file"). This script adds those entries: with the fields that `npm view` returns, or,
// where the registry has none, with version and platform alone (npm then installs the package unverified, or skips it).
// The script also drops `resolved`, so that the file holds no registry's host: each npm uses the registry of its
// settings.
//
//   node scripts/complete-lockfile.mjs

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const lockfile = new URL("../package-lock.json", import.meta.url);
const platforms = ["aix", "android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const processors = ["arm64", "arm", "x64", "ia32", "ppc64", "riscv64", "s390x", "loong64", "mips64el", "wasm32"];

/** Where npm would find `name` for the package at `path`, or undefined. */
function locate(packages, { path, name }) {
  for (let folder = path; ; ) {
    const key = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[key] !== undefined) return key;
    if (folder === "") return undefined;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1));
  }
}

/** Optional packages that the lockfile names as a dependency and does not hold. */
function missingOptional(packages) {
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => locate(packages, { path, name }) === undefined)
      .map(([name, version]) => ({ path, name, version, dev: entry.dev === true })),
  );
}

/** What the registry says of an exact version, or undefined when it does not serve it. */
function view(name, version) {
  const fields = ["version", "dist.integrity", "os", "cpu", "libc", "license", "engines", "dependencies"];
  const windows = process.platform === "win32";
  const { status, stdout } = spawnSync(
    windows ? "npm.cmd" : "npm",
    ["view", `${name}@${version}`, ...fields, "--json"],
    {
      encoding: "utf8",
      shell: windows,
    },
  );
  return status === 0 && stdout.trim() !== "" ? JSON.parse(stdout) : undefined;
}

function list(value) {
  return value === undefined ? undefined : [value].flat();
}

/** A lockfile entry in npm's own order of keys; without the registry's word, the platform is read from the name. */
function entryOf(missing, found) {
  const words = missing.name.split(/[/-]/);
  const entry = {
    version: found?.version ?? missing.version,
    integrity: found?.["dist.integrity"],
    cpu: list(found?.cpu) ?? processors.filter((processor) => words.includes(processor)).slice(0, 1),
    dev: missing.dev || undefined,
    libc: list(found?.libc) ?? (words.includes("musl") ? ["musl"] : undefined),
    license: found?.license,
    optional: true,
    os: list(found?.os) ?? platforms.filter((platform) => words.includes(platform)),
    dependencies: found?.dependencies,
    engines: found?.engines,
  };
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined && value.length !== 0));
}

const lock = JSON.parse(readFileSync(lockfile, "utf8"));
for (const entry of Object.values(lock.packages)) delete entry.resolved;
for (const missing of missingOptional(lock.packages)) {
  if (!/^\d+\.\d+\.\d+[\w.+-]*$/.test(missing.version))
    throw new Error(`${missing.name}: ${missing.version} is no exact version`);
  const found = view(missing.name, missing.version);
  lock.packages[`node_modules/${missing.name}`] = entryOf(missing, found);
  console.log(
    `${missing.name}@${missing.version}: ${found ? "added" : "added without integrity, the registry lacks it"}`,
  );
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
writeFileSync(lockfile, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
