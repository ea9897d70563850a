// Lays out what a container image holds of an installed and built tree: what runs on this platform, and nothing else.
//
//   node scripts/image-tree.mjs DESTINATION

import { chmodSync, cpSync, lutimesSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { argv, versions } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The product, besides its packages: what is copied, and where to. */
const files = [
  ["package.json", "app/package.json"],
  ["LICENSE", "app/LICENSE"],
  ["dist/src", "app/dist/src"],
  ["dist/runtime", "app/dist/runtime"],
  ["dist/kernels", "app/dist/kernels"],
  ["dist/console", "app/dist/console"],
  ["runtime/guest", "app/runtime/guest"],
  ["runtime/container/healthcheck.mjs", "app/healthcheck.mjs"],
  ["runtime/container/node.json", "etc/herd/node.json"],
];

/** Dependencies that only the build of a clone uses: it bundles those of the page into `dist/console`. */
export const buildTools = [
  ...["typescript", "@types/node", "@types/node-forge", "esbuild", "preact", "@preact/signals", "@lezer/highlight"],
  ...["commands", "lang-javascript", "language", "lint", "search", "state", "view"].map(
    (name) => `@codemirror/${name}`,
  ),
];

/** Dependencies that a package names and that no file which runs here imports. A superfluous entry is an error. */
const cut = {
  "": buildTools,
  // We use its `wasm-tools` alone; these serve the rest: optimizing, minifying, and components with async functions.
  "node_modules/@bytecodealliance/jco-transpile": ["binaryen", "oxc-minify", "@bytecodealliance/preview3-shim"],
};

/** What is left out of packages, by their name; paths count from the package's folder. */
const unused = {
  // Tools for the command line, 80 MB; the library is index.js.
  binaryen: /^bin\//,
  // Its standard library stands inside dist/asc.js once more.
  assemblyscript: /^(std|bin|util)\//,
  // The transpiler, whose neighbour `wasm-tools` is what we use.
  "@bytecodealliance/jco-transpile": /^vendor\/js-component-bindgen-component/,
  // 51 binaries, of which one fits; and the sources of all.
  uwebsockets: RegExp(
    `^(?!(uws\\.js|ESM_wrapper\\.mjs|LICENSE|package\\.json|uws_${process.platform}_${process.arch}_${versions.modules}\\.node)$)`,
  ),
  zod: /^src\//,
};

/** What no package needs to run; uWebSockets.js has no binary for musl, so others' are of no use either. */
const unusedAnywhere = /\.(map|md|markdown|tsbuildinfo)$|\.d\.[cm]?ts$|\.musl\.node$/;

/**
 * The paths of all packages that run, among `packages` as a lockfile has them: the packages that the root's
 * dependencies reach without the edges of `cut`, as Node resolves them. An optional package that is not installed is
 * left out. Throws when `cut` names no dependency.
 */
export function runningPackages(packages, edges = cut) {
  for (const [path, names] of Object.entries(edges)) {
    const gone = names.filter((name) => packages[path]?.dependencies?.[name] === undefined);
    if (gone.length > 0) throw new Error(`${path || "the root"} does not depend on ${gone.join(", ")} any more`);
  }
  const reached = new Set();
  const visit = (path) => {
    const { dependencies = {}, optionalDependencies = {} } = packages[path];
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (edges[path]?.includes(name)) continue;
      const found = locate(packages, { path, name });
      if (found === undefined && optionalDependencies[name] === undefined) throw new Error(`${name} is not installed`);
      if (found === undefined || reached.has(found)) continue;
      reached.add(found);
      visit(found);
    }
  };
  visit("");
  return [...reached].sort();
}

/**
 * Whether a package needs a file, or a file in a folder, to run. `name` is the package's name; `path` starts in the
 * package's folder, and the path of a folder ends with a slash.
 */
export function runs(name, path) {
  return !unusedAnywhere.test(path) && !(unused[name]?.test(path) ?? false);
}

/** Where Node finds `name` for the package at `path`, or undefined. */
function locate(packages, { path, name }) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const key = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[key] !== undefined) return key;
    if (folder === "") return undefined;
  }
}

function copyPackage(source, destination) {
  const { name } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  cpSync(source, destination, {
    recursive: true,
    filter: (file) => {
      const path = file.slice(source.length + 1);
      if (path === "" || basename(path) === "node_modules") return path === "";
      return runs(name, statSync(file).isDirectory() ? `${path}/` : path);
    },
  });
}

function layOut(root, image) {
  const tree = JSON.parse(readFileSync(join(root, "node_modules/.package-lock.json"), "utf8")).packages;
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const path of runningPackages({ ...tree, "": manifest }))
    copyPackage(join(root, path), join(image, "app", path));
  for (const [from, to] of files) {
    const filter = (file) => !unusedAnywhere.test(file);
    cpSync(join(root, from), join(image, to), { recursive: true, filter });
  }
  // The command under its name, for `docker exec`.
  const command = join(image, "usr/local/bin/herd");
  mkdirSync(dirname(command), { recursive: true });
  symlinkSync("/app/dist/src/cli/main.js", command);
  chmodSync(join(image, "app/dist/src/cli/main.js"), 0o755);
  // The same sources make the same layer, whenever they are built.
  for (const path of ["", ...readdirSync(image, { recursive: true })]) lutimesSync(join(image, path), 0, 0);
}

if (argv[1] !== undefined && pathToFileURL(argv[1]).href === import.meta.url) {
  if (argv[2] === undefined) throw new Error("usage: node scripts/image-tree.mjs DESTINATION");
  layOut(fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, ""), argv[2]);
}
