// The address of a client, from the bytes that uWebSockets gives, or from the text that Node gives.

import { isIPv4 } from "node:net";

/** Text of an address of 4 or 16 bytes; IPv4 mapped into IPv6 as IPv4. Empty for any other length. */
export function addressText(address: ArrayBuffer): string {
  const bytes = new Uint8Array(address);
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return "";
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.subarray(12).join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  // The URL parser writes an IPv6 address in the short form of RFC 5952.
  return new URL(`https://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** An address as Node writes it; IPv4 mapped into IPv6 as IPv4, and without the zone of a link-local address. */
export function plainAddress(text: string): string {
  const address = text.split("%")[0] ?? "";
  const mapped = address.replace(/^::ffff:/i, "");
  return isIPv4(mapped) ? mapped : address;
}

/** The bytes of an address that Node wrote: 4 or 16; none for any other text. */
export function addressBytes(text: string): Uint8Array {
  const address = plainAddress(text);
  if (isIPv4(address)) return Uint8Array.from(address.split("."), Number);
  const [head = "", tail] = address.split("::");
  const groups = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail ?? "")];
  const gap = tail === undefined ? 0 : 8 - first.length - last.length;
  const all = [...first, ...Array.from({ length: Math.max(0, gap) }, () => 0), ...last];
  if (all.length !== 8 || all.some((group) => !(group >= 0 && group <= 0xffff))) return new Uint8Array();
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Whether an address of {@link addressText} is this machine's: 127/8 or ::1. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
