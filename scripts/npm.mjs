// Runs npm: the one that runs this script, else the one on the PATH.

import { run } from "./run.mjs";

/** Runs npm in the foreground; the options are those of {@link run}. Resolves to its exit code. */
export function npm(args, options) {
  const own = process.env.npm_execpath ?? "";
  return /npm-cli\.[cm]?js$/.test(own)
    ? run(process.execPath, { ...options, args: [own, ...args] })
    : run("npm", { ...options, args, shell: process.platform === "win32" });
}
