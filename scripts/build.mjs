// Compiles what changed: an unchanged tree is seen by a stamp and does not even start the compiler.

import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleIsFresh, bundleNode } from "./bundle.mjs";
import { bundleConsole } from "./console.mjs";
import { compileKernels, kernelOutput } from "./kernels.mjs";
import { run } from "./run.mjs";

/** Sources of the page that browsers run: they have a compiler's configuration of their own, and a bundler. */
const page = "src/console/web";

/** What the page shares with the node: the contract, and what the contract imports. */
const pageShares = ["src/api", "src/core"];

/** The compiled projects: the product, and the product with tests and benchmarks. tsc compiles no AssemblyScript. */
const projects = {
  product: { config: "tsconfig.json", folders: ["src", "runtime"], foreign: ["runtime/guest", page] },
  test: {
    config: "test/tsconfig.json",
    folders: ["src", "runtime", "test", "bench"],
    foreign: ["runtime/guest", page, "test/fixtures", "bench/kernels", "bench/functions"],
  },
};

/** What the kernels' components are made of and by. */
const kernelInputs = ["bench/kernels", "runtime/compile", "runtime/guest", "runtime/interface"];

/**
 * Builds `product` or `test` when its inputs changed; ends the process with the compiler's code when the build fails.
 */
export async function buildIfNeeded({ root, project }) {
  const folder = fileURLToPath(root);
  await compileIfNeeded(folder, project);
  await buildBundleIfNeeded(folder);
  await buildKernelsIfNeeded(folder);
  await buildPageIfNeeded(folder, { checked: project === "test" });
}

async function compileIfNeeded(folder, project) {
  const { config, folders, foreign } = projects[project];
  const sources = folders.flatMap((name) => sourcesUnder({ folder, name, foreign }));
  const stampFile = join(folder, "dist", `${project}.stamp`);
  const stamp = stampOf(folder, [...sources, "tsconfig.json", config, "package-lock.json"]);
  removeStale({ folder, folders, sources: new Set(sources) });
  const whole = sources.every((path) => existsSync(outputOf(folder, path)));
  if (whole && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;

  // The compiler trusts its own record of what it wrote, so a lost output has to take the record along.
  if (!whole)
    for (const name of ["product", "test"]) rmSync(join(folder, "dist", `${name}.tsbuildinfo`), { force: true });
  console.error("Building: the TypeScript (10 to 30 s) …");
  const code = await run(process.execPath, {
    args: [join(folder, "node_modules/typescript/bin/tsc"), "--build", config],
    cwd: folder,
    stdio: ["inherit", 2, 2],
  });
  if (code !== 0) process.exit(code);
  // npx keeps a link to where a clone's command was when it ran there first: in 0.1, here.
  const bin = join(folder, "dist/src/cli/main.js");
  if (existsSync(bin)) chmodSync(bin, 0o755);
  mkdirSync(join(folder, "dist"), { recursive: true });
  writeFileSync(stampFile, stamp);
}

/** What the compiler wrote is what tests import; the bundle of it is what runs, so one never goes without the other. */
async function buildBundleIfNeeded(folder) {
  const { folders, foreign } = projects.product;
  const sources = folders.flatMap((name) => sourcesUnder({ folder, name, foreign }));
  const modules = sources.map((path) => relative(folder, outputOf(folder, path)));
  const stamp = stampOf(folder, [...modules, "scripts/bundle.mjs", "package-lock.json"]);
  const stampFile = join(folder, "dist/bundle.stamp");
  if (bundleIsFresh(folder) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;
  console.error("Bundling the node …");
  await bundleNode(folder);
  writeFileSync(stampFile, stamp);
}

/** The product carries the kernels as components: a node measures with them what it can do. */
async function buildKernelsIfNeeded(folder) {
  const inputs = kernelInputs.flatMap((name) => sourcesUnder({ folder, name, foreign: [] }));
  const sources = inputs.filter((path) => path.startsWith("bench/kernels/"));
  if (sources.length === 0) return;
  const stampFile = join(folder, "dist/kernels.stamp");
  const stamp = stampOf(folder, [...inputs, "asconfig.json", "package-lock.json"]);
  const whole = sources.every((path) => existsSync(join(folder, kernelOutput(path))));
  if (whole && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;
  console.error("Compiling the benchmark's kernels …");
  await compileKernels({ folder, sources });
  writeFileSync(stampFile, stamp);
}

/** The page is bundled wherever it is served; its types are checked where the tests' are. */
async function buildPageIfNeeded(folder, { checked }) {
  const inputs = [page, ...pageShares].flatMap((name) =>
    filesUnder(join(folder, name)).map((path) => `${name}/${path}`),
  );
  if (inputs.length === 0) return;
  const stamp = stampOf(folder, [...inputs, "scripts/console.mjs", "package-lock.json"]);
  const stampFile = join(folder, "dist/page.stamp");
  const before = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : "";
  const bundled = before.startsWith(stamp) && existsSync(join(folder, "dist/console/index.html"));
  if (bundled && (!checked || before === `${stamp} checked`)) return;
  if (checked) {
    console.error("Checking the console …");
    const args = [join(folder, "node_modules/typescript/bin/tsc"), "--project", `${page}/tsconfig.json`];
    const code = await run(process.execPath, { args, cwd: folder, stdio: ["inherit", 2, 2] });
    if (code !== 0) process.exit(code);
  }
  if (!bundled) {
    console.error("Bundling the console …");
    await bundleConsole(folder);
  }
  writeFileSync(stampFile, checked ? `${stamp} checked` : stamp);
}

/** Every TypeScript source under a folder, as paths with forward slashes from the root. */
function sourcesUnder({ folder, name, foreign }) {
  return filesUnder(join(folder, name))
    .map((path) => `${name}/${path}`)
    .filter((path) => path.endsWith(".ts") && !foreign.some((other) => path.startsWith(`${other}/`)));
}

function filesUnder(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true }).map((path) => path.split(sep).join("/"));
}

/** A digest of the names, sizes and times of the inputs and of the Node that builds. */
function stampOf(folder, paths) {
  const hash = createHash("sha256");
  for (const path of paths.sort()) {
    const { mtimeMs, size } = statSync(join(folder, path));
    hash.update(`${path}\0${mtimeMs}\0${size}\n`);
  }
  return hash.digest("hex");
}

function outputOf(folder, source) {
  return join(folder, "dist", source.replace(/\.ts$/, ".js"));
}

/** Removes outputs whose source is gone, so that nothing imports or tests what no longer exists. */
function removeStale({ folder, folders, sources }) {
  for (const name of folders) {
    for (const path of filesUnder(join(folder, "dist", name))) {
      const source = `${name}/${path.replace(/\.(d\.ts|js|js\.map)$/, ".ts")}`;
      if (/\.(d\.ts|js|js\.map)$/.test(path) && !sources.has(source)) rmSync(join(folder, "dist", name, path));
    }
  }
}
