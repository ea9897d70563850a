// Which hosts a joining node's public leaf names: what somebody vouches for, as far as the root may name it.

import type { X509Certificate } from "node:crypto";
import { JoinRefused } from "../join-refused.js";
import { type NameScope, permits } from "../x509/name-constraints.js";
import { addressBytes } from "../x509/network-address.js";
import { loopbackHosts } from "../x509/public-leaf.js";

/** Whether a host is one that every public leaf names. */
export function isLoopbackHost(host: string): boolean {
  return (loopbackHosts as readonly string[]).includes(host);
}

/** What the hosts are chosen from. */
interface HostChoice {
  /** What the node would like, and the one that it cannot do without. */
  readonly wanted: readonly string[];
  readonly advertise: string;
  /** The IP address that the request came from; empty when no master saw it. */
  readonly address: string;
  /** What a token, a person or an earlier certificate allows. */
  readonly allowed: readonly string[];
  readonly scope: NameScope;
}

/**
 * Localhost, the address that the request came from, and what is both wanted and allowed. Throws `join.refused`, saying
 * how it would work, when the advertised host is not among them.
 */
export function approvedHosts({ wanted, advertise, address, allowed, scope }: HostChoice): string[] {
  const may = new Set([...loopbackHosts, address, ...allowed].map(canonical));
  const hosts = new Map<string, string>();
  for (const host of [...loopbackHosts, address, advertise, ...wanted]) {
    const key = canonical(host);
    if (host !== "" && may.has(key) && permits(scope, host) && !hosts.has(key)) hosts.set(key, host.toLowerCase());
  }
  if (hosts.has(canonical(advertise))) return [...hosts.values()];
  throw new JoinRefused(
    permits(scope, advertise)
      ? `nobody vouches for ${advertise}, which the node advertises, and its request came ` +
          `${address === "" ? "through a node that is no master" : `from ${address}`}: create the token with ` +
          `--host ${advertise}`
      : `the mesh's root may not vouch for ${advertise}, which the node advertises: it covers ` +
          `${scope.domains.join(", ")}, and private addresses`,
  );
}

/** The hosts that a certificate (PEM, leaf first) names; none when it cannot be read. The caller knows the signer. */
export function hostsOfCertificate(certificate: X509Certificate): string[] {
  const names = certificate.subjectAltName?.split(", ") ?? [];
  return names.flatMap((name) => /^(?:DNS|IP Address):([A-Za-z0-9.:_-]{1,253})$/.exec(name)?.[1] ?? []);
}

/** One spelling per host. */
function canonical(host: string): string {
  return addressBytes(host)?.toString("hex") ?? host.toLowerCase();
}
