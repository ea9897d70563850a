// Says in one line why this machine cannot run Wasmherd. Node 14 must be able to parse this file, to print the reason.
// The limits are those of the binaries that uWebSockets.js ships (see docs/internals/dependencies.md).

const nodes = { 20: [12, "2.27"], 22: [12, "2.38"], 24: [0, "2.38"] };
const supported = "Node 20 (20.12 or newer), 22 (22.12 or newer) or 24";
const builds = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64"];

/**
 * The reason why a machine cannot run Wasmherd, or undefined. Takes `node` (as `process.versions.node`), `platform`,
 * `arch`, and on Linux `glibc`: its version, or undefined when the system has another C library.
 */
export function unsupported({ node, platform, arch, glibc }) {
  const [major, minor] = node.split(".").map(Number);
  const known = nodes[major];
  if (known === undefined || minor < known[0]) return `Wasmherd runs on ${supported}; this is Node ${node}.`;
  if (!builds.includes(`${platform}-${arch}`)) {
    return `Wasmherd runs on Linux and macOS (x64, arm64) and on Windows (x64); this is ${platform} on ${arch}.`;
  }
  if (platform !== "linux") return undefined;
  if (glibc === undefined) return "Wasmherd needs glibc, which this Linux (Alpine or another with musl) does not have.";
  if (!atLeast(glibc, known[1])) {
    const way = atLeast(glibc, nodes[20][1]) ? " Use Node 20 here, or Debian 13, Ubuntu 24.04 or newer." : "";
    return `Wasmherd on Node ${major} needs glibc ${known[1]} or newer; this machine has ${glibc}.${way}`;
  }
  return undefined;
}

/** This machine as {@link unsupported} takes it. */
export function thisMachine() {
  const { platform, arch, versions } = process;
  const machine = { node: versions.node, platform, arch, glibc: undefined };
  // The report costs 5 ms and exists in every Node that gets this far.
  if (platform === "linux" && process.report) machine.glibc = process.report.getReport().header.glibcVersionRuntime;
  return machine;
}

function atLeast(version, wanted) {
  const [major, minor] = version.split(".").map(Number);
  const [wantedMajor, wantedMinor] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
