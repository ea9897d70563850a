// Counts the connections to a port, by address, from the kernel's list of TCP connections: proc_net(5) of Linux.

import { readFile } from "node:fs/promises";
import { endianness } from "node:os";

const lists = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/** `ESTABLISHED` and `CLOSE_WAIT`: the process still holds connections of these states. */
const openStates = new Set(["01", "08"]);
/** A longer list is not parsed: the parse would hold up the thread for longer than a recount is worth. */
const maxListCharacters = 16 * 1024 * 1024;

/**
 * Open connections to a local port by {@link addressKey}; undefined where the system has no list, or too long a list.
 */
export async function connectionsTo(
  port: number,
  paths: readonly string[] = lists,
): Promise<Map<string, number> | undefined> {
  const texts = await Promise.all(paths.map((path) => readFile(path, "latin1").catch(() => undefined)));
  const readable = texts.filter((text) => text !== undefined);
  if (readable.length === 0 || readable.some((text) => text.length > maxListCharacters)) return undefined;
  const counts = new Map<string, number>();
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const text of readable) {
    for (const line of text.split("\n")) {
      const [, from, to, state] = line.trim().split(/ +/, 4);
      if (from?.endsWith(local) !== true || to === undefined || !openStates.has(state ?? "")) continue;
      const key = addressKey(bytesOf(to.slice(0, to.indexOf(":"))));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

/**
 * The key under which an address is counted: an IPv4 address, also when it is mapped into IPv6, or the first 64 bits
 * of an IPv6 address, the prefix of one client. Takes 4 or 16 bytes; any other length is a key of its own.
 */
export function addressKey(bytes: Uint8Array): string {
  if (bytes.length !== 16) return bytes.join(".");
  const isMapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  return isMapped ? bytes.subarray(12).join(".") : `${bytes.subarray(0, 8).join(".")}/64`;
}

/** The kernel writes addresses as words of 32 bits in the machine's own order. */
function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  if (endianness() === "LE") for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  return bytes;
}
