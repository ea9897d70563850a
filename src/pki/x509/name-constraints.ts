// What a root may vouch for (RFC 5280, section 4.2.1.10): people put it into their browsers, so it must not reach other
// sites.

import forge from "node-forge";
import { isDnsName } from "../../core/node-name.js";
import { addressBytes, networkBytes } from "./network-address.js";

const { asn1 } = forge;
const nameConstraintsOid = "2.5.29.30";
const dnsTag = 2;
const uriTag = 6;
const addressTag = 7;

/** Every mesh may name these. A DNS constraint covers the domain and everything below it. */
const alwaysPermitted = {
  domains: ["localhost", "local", "internal"],
  networks: [
    ...["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"],
    ...["::1/128", "fc00::/7", "fe80::/10"],
  ],
} as const;

/** Names that certificates below a root may carry: DNS domains with what is below them, and networks. */
export interface NameScope {
  readonly domains: readonly string[];
  readonly networks: readonly { readonly address: Buffer; readonly mask: Buffer }[];
}

/** The scope of a root founded with these `--domain`s. */
export function nameScope(domains: readonly string[]): NameScope {
  return {
    domains: [...new Set([...alwaysPermitted.domains, ...domains.map((domain) => domain.toLowerCase())])],
    networks: alwaysPermitted.networks.map(networkBytes),
  };
}

/** Whether a host name or IP address lies in the scope; a text that is neither does not. */
export function permits(scope: NameScope, host: string): boolean {
  const address = addressBytes(host);
  if (address === undefined) {
    const name = host.toLowerCase();
    return isDnsName(name) && scope.domains.some((domain) => name === domain || name.endsWith(`.${domain}`));
  }
  return scope.networks.some(
    ({ address: network, mask }) =>
      network.length === address.length &&
      address.every((byte, index) => (byte & (mask[index] ?? 0)) === (network[index] ?? 0)),
  );
}

/** Those of `hosts` that a scope does not permit, as they were spelled. */
export function notPermitted(scope: NameScope, hosts: readonly string[]): string[] {
  return hosts.filter((host) => !permits(scope, host));
}

/**
 * The critical extension for a scope, as node-forge takes it (which has no encoder of its own). With `uriHost`, URIs
 * must have that very host; without it, they are not constrained.
 */
export function nameConstraintsExtension(
  scope: NameScope,
  { uriHost }: { uriHost?: string } = {},
): { id: string; critical: boolean; value: string } {
  const names = [
    ...(uriHost === undefined ? [] : [generalName(uriTag, uriHost)]),
    ...scope.domains.map((domain) => generalName(dnsTag, domain)),
    ...scope.networks.map(({ address, mask }) =>
      generalName(addressTag, Buffer.concat([address, mask]).toString("latin1")),
    ),
  ];
  const subtrees = names.map((name) => asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [name]));
  const permitted = asn1.create(asn1.Class.CONTEXT_SPECIFIC, 0, true, subtrees);
  const constraints = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [permitted]);
  return { id: nameConstraintsOid, critical: true, value: asn1.toDer(constraints).getBytes() };
}

/** The scope that a certificate (PEM) carries; an empty one when it has no such extension. */
export function nameScopeOf(certificate: string): NameScope {
  const extension = forge.pki
    .certificateFromPem(certificate)
    .extensions.find((other) => other.id === nameConstraintsOid);
  if (extension === undefined) return { domains: [], networks: [] };
  const domains: string[] = [];
  const networks: { address: Buffer; mask: Buffer }[] = [];
  const [permitted] = children(asn1.fromDer(extension.value as string));
  for (const subtree of permitted === undefined ? [] : children(permitted)) {
    const [name] = children(subtree);
    if (typeof name?.value !== "string") continue;
    if (name.type === dnsTag) domains.push(name.value);
    const bytes = Buffer.from(name.value, "latin1");
    const half = bytes.length / 2;
    if (name.type === addressTag) networks.push({ address: bytes.subarray(0, half), mask: bytes.subarray(half) });
  }
  return { domains, networks };
}

function generalName(tag: number, value: string): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, false, value);
}

function children(node: forge.asn1.Asn1): forge.asn1.Asn1[] {
  return Array.isArray(node.value) ? node.value : [];
}
