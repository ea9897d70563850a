// What a master signs for a node that was let in, or that comes back for fresh leaves. Whether it may, the caller has
// decided.

import { type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { encodeSigned, type Signed } from "../../core/signed.js";
import { JoinRefused } from "../join-refused.js";
import type { Issuer } from "../x509/certificate.js";
import type { CertificateRequest } from "../x509/csr.js";
import { issueMasterCertificate } from "../x509/master-certificate.js";
import { type NameScope, notPermitted } from "../x509/name-constraints.js";
import { issuePeerLeaf } from "../x509/peer-leaf.js";
import { issuePublicLeaf, loopbackHosts } from "../x509/public-leaf.js";
import { grantPayload } from "./founding-records.js";

/** What a master signs with: an `Identity` is one. */
export interface Certifier {
  readonly meshId: string;
  readonly scope: NameScope;
  readonly masterIssuer: Issuer | undefined;
  readonly tokenKey: KeyObject | undefined;
  readonly clock: Clock;
  /** Both throw `node.unavailable` without a root key on this node, and `state.conflict` without its passphrase. */
  rootIssuer(): Promise<Issuer>;
  rootSign(payload: string): Promise<Signed>;
}

/**
 * Leaves for one node: a certificate request for each kind that it wants, the approved hosts of the public leaf, and
 * its marks.
 */
interface LeafRequest {
  readonly nodeId: string;
  readonly name: string;
  readonly csr?: CertificateRequest | undefined;
  readonly publicCsr?: CertificateRequest | undefined;
  readonly hosts: readonly string[];
  readonly deploy: boolean;
  readonly master: boolean;
}

/** A certificate that was signed, for the ledger of them: serial in lower-case hex, end in epoch ms. */
export interface IssuedCertificate {
  readonly serial: string;
  readonly notAfter: number;
}

/** Chains (PEM, leaf first) for the requests that were made. */
interface IssuedLeaves {
  readonly peerCertificate?: string;
  readonly publicCertificate?: string;
  readonly issued: readonly IssuedCertificate[];
}

/**
 * Signs leaves. Loopback hosts are added. Throws HerdError `join.refused` for hosts that the mesh's root does not
 * permit; `TypeError` on a node that is no master.
 */
export function issueLeaves(request: LeafRequest, by: Certifier): IssuedLeaves {
  const { masterIssuer: issuer, meshId, clock, scope } = by;
  if (issuer === undefined) throw new TypeError("only a master signs leaves");
  const { nodeId, name, csr, publicCsr, deploy, master } = request;
  const refused = notPermitted(scope, request.hosts);
  if (refused.length > 0) {
    throw new JoinRefused(`the mesh's root may not vouch for ${refused.join(", ")}`);
  }
  const hosts = [...new Set([...loopbackHosts, ...request.hosts.map((host) => host.toLowerCase())])];
  const peer = csr && issuePeerLeaf({ issuer, publicKey: csr.publicKey, meshId, nodeId, deploy, master, clock });
  const open = publicCsr && issuePublicLeaf({ issuer, publicKey: publicCsr.publicKey, hosts, nodeName: name, clock });
  return {
    ...(peer === undefined ? {} : { peerCertificate: peer }),
    ...(open === undefined ? {} : { publicCertificate: open }),
    issued: [peer, open].filter((chain) => chain !== undefined).map(countable),
  };
}

/**
 * A node that becomes a master: its enrolled key (SPKI DER in base64) and the certificate request for its CA
 * certificate.
 */
interface MasterCandidate {
  readonly nodeId: string;
  readonly name: string;
  readonly key: string;
  readonly masterCsr: CertificateRequest;
}

/**
 * A new master's CA certificate (PEM), the mesh's private token key (PKCS #8 DER in base64), and the text of the root's
 * grant.
 */
interface IssuedMaster {
  readonly masterCertificate: string;
  readonly tokenKey: string;
  readonly grant: string;
}

/** Makes a node a master. Throws HerdError as {@link Certifier.rootIssuer}. */
export async function issueMaster(candidate: MasterCandidate, by: Certifier): Promise<IssuedMaster> {
  const { nodeId, name, key } = candidate;
  const { meshId, scope, clock, tokenKey } = by;
  if (tokenKey === undefined) throw new TypeError("only a master makes masters");
  const { publicKey } = candidate.masterCsr;
  const root = await by.rootIssuer();
  const certificate = issueMasterCertificate({ root, publicKey, nodeId, name, meshId, scope, clock });
  const grant = await by.rootSign(grantPayload({ meshId, nodeId, name, key, certificate, at: clock.now() }));
  return {
    masterCertificate: certificate,
    tokenKey: tokenKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
    grant: encodeSigned(grant),
  };
}

function countable(chain: string): IssuedCertificate {
  const { serialNumber, validTo } = new X509Certificate(chain);
  return { serial: serialNumber.toLowerCase(), notAfter: Date.parse(validTo) };
}
