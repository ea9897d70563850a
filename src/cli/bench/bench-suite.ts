// `herd bench invoke|mesh|policy|…`: the benchmarks of a clone, which need what only its developers install.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { GlobalOptions } from "../../client/client-options.js";
import { packageRoot } from "../../core/package-root.js";
import { UsageError } from "../../core/usage-error.js";
import { CommandError } from "../command-errors.js";

/** The options of these commands. */
export interface BenchSuiteOptions extends GlobalOptions {
  readonly out?: string;
}

/** Runs a benchmark as `npm run bench -- NAME` does. Throws {@link UsageError} where there are no sources of it. */
export async function benchSuite(name: string, { json, out }: BenchSuiteOptions): Promise<void> {
  const root = fileURLToPath(packageRoot());
  if (!existsSync(resolve(root, "bench", `${name}.ts`))) {
    throw new UsageError(`herd bench ${name} needs a clone of the project: ${root} has no bench/${name}.ts`);
  }
  const options = [...(json ? ["--json"] : []), ...(out === undefined ? [] : ["--out", resolve(out)])];
  const child = spawn(process.execPath, ["scripts/bootstrap.mjs", "bench", name, ...options], {
    cwd: root,
    stdio: "inherit",
  });
  // Ctrl-C reaches the child by itself: this process only has to outlive it.
  const interrupt = (): void => void (process.stdin.isTTY || child.kill("SIGINT"));
  const terminate = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", interrupt).on("SIGTERM", terminate);
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) throw new CommandError(`the benchmark ended with ${code === null ? "a signal" : `code ${code}`}`);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", terminate);
  }
}
