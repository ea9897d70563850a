// IP addresses as the bytes that certificates carry. node-forge's own reading gets mapped IPv6 addresses wrong.

import { isIP } from "node:net";

/** The 4 or 16 bytes of an address in network order; `undefined` when the text is none, or has a zone (`%eth0`). */
export function addressBytes(text: string): Buffer | undefined {
  const family = isIP(text);
  if (family === 4) return Buffer.from(text.split(".").map(Number));
  if (family !== 6 || text.includes("%")) return undefined;
  // The URL parser gives the canonical form: hexadecimal groups only, at most one "::".
  const [head = "", tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const first = groups(head);
  const last = groups(tail ?? "");
  const zeros = new Array<number>(8 - first.length - last.length).fill(0);
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...first, ...zeros, ...last].entries()) bytes.writeUInt16BE(group, index * 2);
  return bytes;
}

/** A network such as `10.0.0.0/8` as address and mask. Throws `TypeError` for anything else. */
export function networkBytes(cidr: string): { address: Buffer; mask: Buffer } {
  const [text = "", prefix = ""] = cidr.split("/");
  const address = addressBytes(text);
  const bits = Number(prefix);
  if (address === undefined || !/^\d+$/.test(prefix) || bits > address.length * 8) {
    throw new TypeError(`not a network: ${cidr}`);
  }
  const mask = Buffer.alloc(address.length);
  for (let bit = 0; bit < bits; bit++) mask[bit >> 3] = (mask[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return { address, mask };
}

function groups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
