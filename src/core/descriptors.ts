// How many file descriptors the process may have, and how they are shared out: what strangers open must leave enough
// for all else.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";

/** The limit that systems set by default: assumed where the system does not report one. */
const usualLimit = 1_024;
/** More are not counted on. */
const mostCounted = 1_048_576;
const commandTimeoutMs = 2_000;

/**
 * What a node has open when nobody speaks to it: files, pipes and the compiler, and what each thread needs for its
 * event loop.
 */
const ownDescriptors = 48;
const descriptorsPerThread = 8;
/** Of what is left: for links to peers and files, and for handshakes of peers. Clients get the rest. */
const linkShare = 1 / 4;
const handshakeShare = 1 / 8;
const mostHandshakes = 256;
const mostHandshakesPerAddress = 64;

/** What strangers may have open at once. All other descriptors are for threads, files, the compiler, and links. */
export interface DescriptorShares {
  /** Connections of clients to the public port: in all, and from one address. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Handshakes that others began at the peer port: in all, and from one address. */
  readonly handshakes: number;
  readonly handshakesPerAddress: number;
}

/** The configured bounds, which descriptors may lower, and the number of threads that run guests. */
interface DescriptorWishes {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly workers: number;
}

/**
 * Shares out `limit` descriptors. An address gets half of what clients may have: one alone never shuts out the others.
 */
export function shareOut(limit: number, wishes: DescriptorWishes): DescriptorShares {
  const free = Math.max(0, limit - ownDescriptors - descriptorsPerThread * (wishes.workers + 1));
  const handshakes = within(free * handshakeShare, { least: 4, most: mostHandshakes });
  const connections = within(free * (1 - linkShare - handshakeShare), { least: 8, most: wishes.connections });
  return {
    connections,
    handshakes,
    connectionsPerAddress: within(connections / 2, { least: 4, most: wishes.connectionsPerAddress }),
    handshakesPerAddress: within(handshakes / 4, { least: 2, most: mostHandshakesPerAddress }),
  };
}

/**
 * The most descriptors that this process may have (RLIMIT_NOFILE), as `limits` (Linux' /proc/self/limits) or the shell
 * tells; 1,024 where neither does. Node has raised the soft limit to the hard one by then.
 */
export async function descriptorLimit(limits = "/proc/self/limits"): Promise<number> {
  const text = await readFile(limits, "utf8").catch(() => "");
  const limit = numberOf(/^Max open files +(\S+)/m.exec(text)?.[1]) ?? numberOf(await shellLimit());
  return Math.min(limit ?? usualLimit, mostCounted);
}

function shellLimit(): Promise<string | undefined> {
  if (process.platform === "win32") return Promise.resolve(undefined);
  const answer = new Promise<string | undefined>((resolve) => {
    execFile("sh", ["-c", "ulimit -n"], { timeout: commandTimeoutMs }, (error, stdout) =>
      resolve(error === null ? stdout.trim() : undefined),
    );
  });
  return answer.catch(() => undefined);
}

function numberOf(text: string | undefined): number | undefined {
  if (text === "unlimited") return mostCounted;
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

function within(value: number, { least, most }: { readonly least: number; readonly most: number }): number {
  return Math.max(Math.min(least, most), Math.min(Math.floor(value), most));
}
