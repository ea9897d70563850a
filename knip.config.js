// Finds dead code: files, exports and packages that nothing uses. `npm run check` runs knip twice.
// - The first run sees all files. An export that no other file imports loses its `export`.
// - The second run, with `--strict`, sees the product alone. An export that its own file does not use either is dead
//   code, even if it has tests; and each package that the product imports is one of its own `dependencies`.

const production = process.argv.includes("--strict");

export default {
  // Files that run by themselves. A `!` marks those of the product; knip adds `bin` and `exports` of package.json.
  entry: [
    "scripts/*.mjs!",
    "src/cli/bundled-main.ts!",
    "src/cli/experiment.ts!",
    "src/console/web/main.tsx!",
    // Child processes and threads, which are started by the name of their file.
    "runtime/compile/process/{child-main,limit-watch}.ts!",
    "runtime/sandbox/prepare/prepare-thread.ts!",
    "runtime/sandbox/thread/worker.ts!",
    "test/**/*.test.ts",
    "test/docs/generate.ts",
    "test/steering/broken-node.ts",
    "bench/*.ts",
    "docs/.vitepress/{config,theme/index}.mjs",
  ],
  project: [
    "src/**/*.{ts,tsx}!",
    "runtime/**/*.ts!",
    "scripts/*.mjs!",
    "test/**/*.ts",
    "bench/**/*.ts",
    "docs/.vitepress/**/*.mjs",
  ],
  // AssemblyScript.
  ignore: ["runtime/guest/**", "test/fixtures/**", "bench/kernels/**", "bench/functions/**"],
  // A test may import a function that the product uses only beside it.
  ignoreExportsUsedInFile: production,
  // Biome is started by its path. hyper-express loads uWebSockets.js, in the version that `overrides` names.
  ignoreDependencies: ["@biomejs/biome", ...(production ? ["uWebSockets.js"] : [])],
  // Programs of the system.
  exclude: ["binaries"],
};
