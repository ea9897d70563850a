// Compiles the kernels of the capacity benchmark once, with the compiler of uploads: the start of a node compiles none.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Writes the component `dist/kernels/NAME.wasm` for each source given; `folder` is the package's root. Throws the
 * compiler's errors.
 */
export async function compileKernels({ folder, sources }) {
  const load = (path) => import(pathToFileURL(join(folder, "dist", path)).href);
  const { Compiler } = await load("runtime/compile/compiler.js");
  const { defaultLimits } = await load("src/core/limits.js");
  mkdirSync(join(folder, "dist/kernels"), { recursive: true });
  // A machine that builds at its leisure is no reason to fail.
  const compiler = new Compiler({ limits: { ...defaultLimits, compileTimeoutMs: 120_000 } });
  try {
    for (const source of sources) {
      const text = readFileSync(join(folder, source), "utf8");
      const { component } = await compiler.compile([{ path: "index.ts", text }]);
      writeFileSync(join(folder, kernelOutput(source)), component);
    }
  } finally {
    await compiler.stop();
  }
}

/** Where the component of a kernel's source goes. */
export function kernelOutput(source) {
  return source.replace(/^bench\/kernels\/(.*)\.ts$/, "dist/kernels/$1.wasm");
}
