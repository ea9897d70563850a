// Says in one line why this machine cannot run Wasmherd. Node 14 must be able to parse this file, to print the reason.

/** The oldest minor version of each major version of Node that is supported. */
const nodes = { 20: 12, 22: 12, 24: 0, 26: 0 };
const supported = "Node 20 (20.12 or newer), 22 (22.12 or newer), 24 or 26";
const platforms = ["linux", "darwin", "win32"];

/**
 * The reason why a machine cannot run Wasmherd, or undefined. Takes `node` (as `process.versions.node`) and
 * `platform`. Where uWebSockets has no binary for the machine, Node's own server is the front door.
 */
export function unsupported({ node, platform }) {
  const [major, minor] = node.split(".").map(Number);
  if (nodes[major] === undefined || minor < nodes[major]) {
    return `Wasmherd runs on ${supported}; this is Node ${node}.`;
  }
  if (!platforms.includes(platform)) return `Wasmherd runs on Linux, macOS and Windows; this is ${platform}.`;
  return undefined;
}

/** This machine as {@link unsupported} takes it. */
export function thisMachine() {
  return { node: process.versions.node, platform: process.platform };
}
