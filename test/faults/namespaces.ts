// A network of namespaces, one for each node, on a bridge in the test's own; and small file systems. All of it goes
// with the test's namespaces.

import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { promisify } from "node:util";

const exec = promisify(execFile);
const bridge = "herd0";
/** Private addresses (RFC 1918), which a mesh's root may vouch for. */
const subnet = "10.77.0";

/** A namespace with an address, and the words before a command that make it run there. */
export interface Place {
  readonly address: string;
  readonly prefix: readonly string[];
}

/** Whether this process stands in namespaces of its own: only there may it change the network. */
export function isApart(): boolean {
  return process.env.HERD_NAMESPACES === "apart";
}

/** The network of a test. */
export class Network {
  readonly #places = new Map<string, Place>();

  private constructor() {}

  /** Makes the bridge, with an address for the callers. Throws unless {@link isApart}. */
  static async make(): Promise<Network> {
    if (!isApart()) throw new TypeError("the network of this machine is not the test's to change");
    await exec("mount", ["-t", "tmpfs", "tmpfs", "/run"]);
    await ip("link", "set", "lo", "up");
    await ip("link", "add", bridge, "type", "bridge");
    await ip("address", "add", `${subnet}.1/24`, "dev", bridge);
    await ip("link", "set", bridge, "up");
    return new Network();
  }

  /** The place of that name; made when it is new. */
  async place(name: string): Promise<Place> {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const address = `${subnet}.${this.#places.size + 2}`;
    await ip("netns", "add", name);
    await ip("link", "add", outside(name), "type", "veth", "peer", "name", "eth0", "netns", name);
    await ip("link", "set", outside(name), "master", bridge, "up");
    await ip("-n", name, "address", "add", `${address}/24`, "dev", "eth0");
    await ip("-n", name, "link", "set", "eth0", "up");
    await ip("-n", name, "link", "set", "lo", "up");
    const place = { address, prefix: ["nsenter", `--net=/run/netns/${name}`, "--"] };
    this.#places.set(name, place);
    return place;
  }

  /** Cuts a place off from all others, as a pulled cable does, or plugs it in again. */
  async plug(name: string, isPlugged: boolean): Promise<void> {
    await ip("link", "set", outside(name), isPlugged ? "up" : "down");
  }
}

/** Makes `folder` a file system of its own, of that size. */
export async function mountSmall(folder: string, megabytes: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  await exec("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]);
}

/** Bounds how many descriptors a process may have open. */
export async function boundDescriptors(pid: number, count: number): Promise<void> {
  await exec("prlimit", ["--pid", String(pid), `--nofile=${count}:`]);
}

function outside(name: string): string {
  return `to-${name}`;
}

async function ip(...args: readonly string[]): Promise<void> {
  await exec("ip", [...args]);
}
