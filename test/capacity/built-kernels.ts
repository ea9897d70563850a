// The built kernels where a node and the command line read them, also in a tree that only the TypeScript compiler
// built.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { kernels } from "../../src/capacity/capacity.js";
import { packageRoot } from "../../src/core/package-root.js";

interface KernelsScript {
  compileKernels(options: { readonly folder: string; readonly sources: readonly string[] }): Promise<void>;
}

/** Compiles the kernels that are missing. */
export async function buildKernels(): Promise<void> {
  const sources = kernels
    .filter((kernel) => !existsSync(new URL(`dist/kernels/${kernel}.wasm`, packageRoot())))
    .map((kernel) => `bench/kernels/${kernel}.ts`);
  if (sources.length === 0) return;
  const script = (await import(new URL("scripts/kernels.mjs", packageRoot()).href)) as KernelsScript;
  await script.compileKernels({ folder: fileURLToPath(packageRoot()), sources });
}
