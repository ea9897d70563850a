// A network and a mount namespace of their own for the tests of faults: whatever they make there goes with them.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";

/** What the tests use beside Node, and Debian's packages that have it. */
const tools = { unshare: "util-linux", nsenter: "util-linux", prlimit: "util-linux", ip: "iproute2", mount: "mount" };

/** Why the tests cannot run here, in words for people; undefined when they can. */
export function whyNoFaults() {
  if (process.platform !== "linux") return "they need Linux' namespaces";
  const absent = Object.keys(tools).filter((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).error);
  if (absent.length > 0)
    return `there is no ${absent.join(", ")} (${[...new Set(absent.map((name) => tools[name]))].join(", ")})`;
  const tried = spawnSync("unshare", [...enter(), "true"], { encoding: "utf8" });
  return tried.status === 0 ? undefined : `no namespace can be made: ${tried.stderr.trim()}`;
}

/** Runs Node with `args` inside new namespaces; resolves to its exit code. */
export function runInNamespaces(args, options) {
  return run("unshare", { args: [...enter(), process.execPath, ...args], ...options });
}

/**
 * The library that shifts a process's clock: Debian's libfaketime, installed where that is allowed; undefined without
 * it.
 */
export function clockShifter() {
  const found = faketime();
  if (found !== undefined || process.getuid?.() !== 0 || spawnSync("apt-get", ["--version"]).error) return found;
  console.error("Installing faketime …");
  spawnSync("apt-get", ["install", "--quiet", "--yes", "--no-install-recommends", "faketime"], { stdio: "ignore" });
  return faketime();
}

function faketime() {
  const libraries = "/usr/lib";
  if (!existsSync(libraries)) return undefined;
  const paths = ["", ...readdirSync(libraries)].map((folder) => join(libraries, folder, "faketime/libfaketimeMT.so.1"));
  return paths.find((path) => existsSync(path));
}

function enter() {
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  return [...user, "--net", "--mount", "--propagation", "private", "--"];
}
