// The address of a client, from the bytes that uWebSockets gives.

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

/** Whether an address of {@link addressText} is this machine's: 127/8 or ::1. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
