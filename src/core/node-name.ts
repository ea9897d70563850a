// The one rule for node names and DNS names, since they stand in certificates, records and addresses.

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";

/** A DNS label (RFC 1123, section 2.1) in lower case: 1 to 63 of a-z, 0-9 and inner hyphens. */
export const nodeNamePattern = new RegExp(`^${label}$`);

const dnsNamePattern = new RegExp(`^(${label}\\.)*${label}$`);

/** Whether a text is a DNS name in lower case: labels with dots between them, at most 253 characters. */
export function isDnsName(name: string): boolean {
  return name.length <= 253 && dnsNamePattern.test(name);
}
