// Installs dependencies when what lies in node_modules is not what package-lock.json says.

import { readFileSync } from "node:fs";
import { npm } from "./npm.mjs";

/** Runs `npm ci` when packages are missing or of another version; with `dev`, development dependencies count too. */
export async function installIfNeeded({ root, dev }) {
  if (!needsInstall({ root, dev })) return;
  const args = ["ci", dev ? "--include=dev" : "--omit=dev"];
  console.error(`Installing dependencies, once (npm ${args.join(" ")}; seconds to a minute) …`);
  // npm talks on stdout; ours belongs to the target.
  const stdio = ["inherit", 2, 2];
  const code = await npm([...args, "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: root, stdio });
  if (code !== 0) process.exit(code);
}

/** Whether a package that this platform needs is absent from node_modules or differs from the lockfile. */
export function needsInstall({ root, dev }) {
  const wanted = readPackages(new URL("package-lock.json", root));
  // npm writes this file last, so an interrupted install leaves none.
  const installed = readPackages(new URL("node_modules/.package-lock.json", root));
  if (wanted === undefined) throw new Error("package-lock.json is missing");
  if (installed === undefined) return true;
  return Object.entries(wanted).some(([path, entry]) => {
    if (path === "" || (entry.dev && !dev) || entry.extraneous) return false;
    const found = installed[path];
    // An optional package may be left out by npm, for example another platform's.
    if (found === undefined) return !(entry.optional || entry.devOptional || entry.peer);
    return found.version !== entry.version;
  });
}

function readPackages(url) {
  try {
    return JSON.parse(readFileSync(url, "utf8")).packages;
  } catch (error) {
    if (error.code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
