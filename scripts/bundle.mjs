// Bundles what a node runs: finding and reading some 800 modules was 40 % of the main thread's start. The inputs are
// the modules that the compiler wrote, which tests import; the bundle is what the `herd` command runs.

import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

/** Where the bundle goes: one folder, so that a file finds each other one beside itself. */
const output = "dist/bundle";

/** The command and the library, which share chunks. A code path that few starts take is a chunk of its own. */
const programs = {
  herd: "dist/src/cli/bundled-main.js",
  node: "dist/src/node/node.js",
  "audit-check-thread": "dist/src/server/views/audit-check-thread.js",
};

/** Threads and child processes: one file each, since each would find and read every chunk by itself. */
const threads = {
  "sandbox-worker": "dist/runtime/sandbox/thread/worker.js",
  "prepare-thread": "dist/runtime/sandbox/prepare/prepare-thread.js",
  "compile-child": "dist/runtime/compile/process/child-main.js",
  "limit-watch": "dist/runtime/compile/process/limit-watch.js",
  // Piscina starts the file of this name beside its own code.
  worker: "node_modules/piscina/dist/worker.js",
};

const entries = { ...programs, ...threads };

/**
 * Dependencies that stay packages: they load binaries, or files by their place. All others that a node imports are in
 * the bundle, so neither the published package nor the image needs them.
 */
export const external = ["@bytecodealliance/jco-transpile", "assemblyscript", "msgpackr", "uWebSockets.js"];

/** An optional package with binaries that piscina wants for niceness, which no node sets. */
const unwanted = "@napi-rs/nice";

/** What packages of CommonJS expect: `require` and `__dirname`. */
const commonJs =
  'import{createRequire as herdRequire}from"node:module";' +
  "const require=herdRequire(import.meta.url),__dirname=import.meta.dirname;";

/** Writes `dist/bundle/` from the compiled modules. Throws the bundler's errors. */
export async function bundleNode(folder) {
  const { build } = await import("esbuild");
  const options = {
    absWorkingDir: folder,
    outdir: output,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.12",
    external: [...external, unwanted],
    chunkNames: "[name]-[hash]",
    banner: { js: commonJs },
    // Without white space the engine keeps 3 MB less of sources; names stay, and a line is short enough to be printed.
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: "none",
    sourcemap: "linked",
    sourcesContent: false,
    plugins: [samePlaces(folder)],
    metafile: true,
    write: false,
    logLevel: "warning",
  };
  const results = [
    await build({ ...options, entryPoints: programs, splitting: true }),
    await build({ ...options, entryPoints: threads }),
  ];
  const target = join(folder, output);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const { path, contents } of results.flatMap(({ outputFiles }) => outputFiles)) writeFileSync(path, contents);
  chmodSync(join(target, "herd.js"), 0o755);
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  writeFileSync(join(target, "LICENSES.txt"), licensesOf(folder, inputs));
  // Last: a bundle that was interrupted is none.
  writeFileSync(join(target, "made-of"), recordDigest(folder));
}

/**
 * A module finds files by their place beside it, `new URL("…", import.meta.url)`: in the bundle the same words must
 * mean the same file, or the entry that was made of it. A place that is written otherwise is an error.
 */
function samePlaces(folder) {
  const names = new Map(Object.entries(entries).map(([name, path]) => [resolve(folder, path), name]));
  const place = (module, path) => {
    const target = resolve(dirname(module), path);
    const entry = names.get(target);
    if (entry !== undefined) return `./${entry}.js`;
    if (path.endsWith(".js")) throw new Error(`${path} of ${module} is started by its place, and is no entry`);
    const found = relative(join(folder, output), target).split(sep).join("/");
    return path.endsWith("/") ? `${found}/` : found;
  };
  return {
    name: "same-places",
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, ({ path: module }) => {
        if (!/^dist[\\/](src|runtime)[\\/]/.test(relative(folder, module))) return undefined;
        const text = readFileSync(module, "utf8");
        const contents = text.replace(
          /new URL\("([^"]+)", import\.meta\.url\)/g,
          (_, path) => `new URL("${place(module, path)}", import.meta.url)`,
        );
        const left = contents.replace(/(new URL\("[^"]+", |createRequire\()import\.meta\.url\)/g, "");
        if (left.includes("import.meta")) throw new Error(`${module} uses import.meta otherwise than for a place`);
        return { contents, resolveDir: dirname(module) };
      });
    },
  };
}

/** The licenses of the packages whose code is in the bundle, as their terms want it. */
function licensesOf(folder, inputs) {
  const packages = inputs.flatMap((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  const texts = [...new Set(packages)].sort().map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, path, "package.json"), "utf8"));
    const file = readdirSync(join(folder, path)).find((one) => /^licen[cs]e/i.test(one));
    const text = file === undefined ? "" : readFileSync(join(folder, path, file), "utf8").trim();
    return `${name} ${version} (${license})\n\n${text}`.trim();
  });
  return `Code of these packages is in this folder.\n\n${texts.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

/** Whether the bundle is of what the compiler wrote last. See `src/cli/bundled-main.ts`. */
export function bundleIsFresh(folder) {
  const madeOf = join(folder, output, "made-of");
  return existsSync(madeOf) && readFileSync(madeOf, "utf8") === recordDigest(folder);
}

function recordDigest(folder) {
  return createHash("sha256")
    .update(readFileSync(join(folder, "dist/product.tsbuildinfo")))
    .digest("hex");
}
