// The certificate that a node shows to browsers and command lines: names and addresses only, thirty days.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Clock } from "../../core/clock.js";
import { isDnsName } from "../../core/node-name.js";
import { UsageError } from "../../core/usage-error.js";
import { certify, type Issuer } from "./certificate.js";
import { type NameScope, permits } from "./name-constraints.js";
import { addressBytes } from "./network-address.js";

const hour = 3_600_000;
const lifetimeMs = 30 * 24 * hour;

/** A public leaf: PEM chain (leaf first), PEM key (PKCS #8), the hosts that it is for, and its life in epoch ms. */
export interface PublicLeaf {
  readonly certificate: string;
  readonly key: string;
  readonly hosts: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * The hosts that a node's leaf names: localhost, the loopback addresses, what it advertises, and the machine's name as
 * far as the scope reaches. Throws {@link UsageError} when the root may not vouch for the advertised host.
 */
export function publicHosts(options: { advertise: string; hostName: string; scope: NameScope }): string[] {
  const { advertise, scope } = options;
  if (!permits(scope, advertise)) {
    throw new UsageError(
      isIP(advertise) === 0
        ? `the mesh's root may not vouch for ${advertise}: found the mesh with --domain ${advertise}, or ` +
            `advertise a name below ${scope.domains.join(", ")}`
        : `the mesh's root may not vouch for ${advertise}: it covers loopback and private addresses only`,
    );
  }
  return wantedHosts(options).filter((host) => permits(scope, host));
}

/** The hosts that every node's leaf names. */
export const loopbackHosts = ["localhost", "127.0.0.1", "::1"] as const;

/**
 * The hosts that a node would like its leaf to name, before anybody judged them: {@link loopbackHosts}, what it
 * advertises, its machine's name.
 */
export function wantedHosts(options: { advertise: string; hostName: string }): string[] {
  const hostName = options.hostName.toLowerCase().replace(/\.$/, "");
  const [label = ""] = hostName.split(".");
  // A machine answers to label.local where multicast DNS runs, which is nearly every desktop.
  const own = [hostName, `${label}.local`].filter(isDnsName);
  return [...new Set([...loopbackHosts, options.advertise.toLowerCase(), ...own])];
}

/** Whom a public leaf is for. The caller answers for the hosts lying in the issuer's scope. */
interface PublicLeafRequest {
  readonly issuer: Issuer;
  readonly publicKey: KeyObject;
  readonly hosts: readonly string[];
  readonly nodeName: string;
  readonly clock: Clock;
}

/** Issues a leaf for a public key, and returns its chain (PEM). */
export function issuePublicLeaf(request: PublicLeafRequest): string {
  const { issuer, hosts, publicKey } = request;
  const now = request.clock.now();
  const certificate = certify(
    {
      // With spaces, so that no verifier takes it for a host name.
      commonName: `Wasmherd node ${request.nodeName}`,
      publicKey,
      notBefore: Math.max(now - hour, issuer.certificate.validity.notBefore.getTime()),
      notAfter: Math.min(now + lifetimeMs, issuer.certificate.validity.notAfter.getTime()),
      extensions: [
        { name: "basicConstraints", cA: false, critical: true },
        { name: "keyUsage", digitalSignature: true, critical: true },
        { name: "extKeyUsage", serverAuth: true },
        { name: "subjectAltName", altNames: hosts.map(alternativeName) },
      ],
    },
    issuer,
  );
  return [certificate, ...issuer.chain].join("");
}

/** The leaf of a stored chain and key. Throws `TypeError` when they do not belong together. */
export function publicLeaf(certificate: string, key: string): PublicLeaf {
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) throw new TypeError("certificate and key do not fit");
  return {
    certificate,
    key,
    hosts: hostsOf(parsed),
    notBefore: Date.parse(parsed.validFrom),
    notAfter: Date.parse(parsed.validTo),
  };
}

/** Whether a leaf names all of `hosts`. */
export function covers(leaf: PublicLeaf, hosts: readonly string[]): boolean {
  const named = new Set(leaf.hosts.map(canonical));
  return hosts.every((host) => named.has(canonical(host)));
}

/** Whether two thirds of a leaf's life are over, or it has not begun (then the clock was set back). */
export function needsRenewal(leaf: PublicLeaf, clock: Clock): boolean {
  const now = clock.now();
  return now < leaf.notBefore || now >= leaf.notBefore + ((leaf.notAfter - leaf.notBefore) * 2) / 3;
}

function alternativeName(host: string): object {
  const address = addressBytes(host);
  if (address === undefined) return { type: 2, value: host };
  return { type: 7, value: address.toString("latin1") };
}

function hostsOf(certificate: X509Certificate): string[] {
  const text = certificate.subjectAltName ?? "";
  return text.split(", ").map((name) => name.replace(/^(DNS|IP Address):/, ""));
}

/** One spelling per host: OpenSSL prints `::1` in full. */
function canonical(host: string): string {
  return addressBytes(host)?.toString("hex") ?? host.toLowerCase();
}
