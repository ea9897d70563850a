// What the earlier certificates of a node prove when it re-enrolls: the end of its trust, and its approved hosts.

import { X509Certificate } from "node:crypto";
import { JoinRefused } from "../join-refused.js";
import { peerIdentityOf } from "../x509/peer-identity.js";
import { hostsOfCertificate } from "./hosts.js";

/** The node that the certificates should be of, and the root (PEM). */
interface EvidenceContext {
  readonly meshId: string;
  readonly nodeId: string;
  readonly rootCertificate: string;
}

/** The end (epoch ms) of an earlier peer certificate. Throws `join.refused` unless this mesh issued it to this node. */
export function endOfPeer(chain: string, context: EvidenceContext): number {
  try {
    issuedHere(chain, context);
    const { nodeId, notAfter } = peerIdentityOf(chain, context.meshId);
    if (nodeId === context.nodeId) return notAfter;
  } catch (cause) {
    throw new JoinRefused("the node's earlier certificate is none of this mesh", { cause });
  }
  throw new JoinRefused("the node's earlier certificate is another node's");
}

/**
 * The hosts of an earlier public certificate of the node with this name; none when it is another's, since everybody can
 * have those. Known limit: a common name holds 64 characters, so a node name of more than 50 proves nothing, and its
 * hosts are lost.
 */
export function hostsOfPublic(chain: string | undefined, context: { rootCertificate: string; name: string }): string[] {
  if (chain === undefined) return [];
  try {
    const leaf = issuedHere(chain, context);
    return leaf.subject === `CN=Wasmherd node ${context.name}` ? hostsOfCertificate(leaf) : [];
  } catch {
    return [];
  }
}

/**
 * The leaf of a chain that leads to the root. It opens no door (that is the handshake's to judge, and the certificate
 * may have ended): the node proves its identity with its enrolled key or its link, and the leaf only shows what was
 * approved before.
 */
function issuedHere(chain: string, { rootCertificate }: { rootCertificate: string }): X509Certificate {
  const [leaf, issuer] = chain.split(/(?<=-----END CERTIFICATE-----\n)/, 3).map((pem) => new X509Certificate(pem));
  if (leaf === undefined || issuer === undefined) throw new TypeError("not a chain of two");
  const root = new X509Certificate(rootCertificate);
  const whole = issuer.ca && !leaf.ca && leaf.checkIssued(issuer) && issuer.checkIssued(root);
  if (!whole || !leaf.verify(issuer.publicKey) || !issuer.verify(root.publicKey))
    throw new TypeError("not of this root");
  return leaf;
}
