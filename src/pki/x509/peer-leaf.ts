// The certificate by which a node proves its identity to its peers: one URI, one day.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { certify, type Issuer } from "./certificate.js";
import { markExtension } from "./marks.js";

const hour = 3_600_000;
const lifetimeMs = 24 * hour;

/** A leaf in PEM: its chain (leaf first, without the root), its key (PKCS #8), and its life in epoch ms. */
export interface PeerLeaf {
  readonly certificate: string;
  readonly key: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Whom a peer leaf is for, and the marks that it carries. */
interface PeerLeafRequest {
  readonly issuer: Issuer;
  readonly publicKey: KeyObject;
  readonly meshId: string;
  readonly nodeId: string;
  readonly deploy: boolean;
  readonly master: boolean;
  readonly clock: Clock;
}

/** The URI that names a node of a mesh (SPIFFE ID). */
export function nodeUri({ meshId, nodeId }: { meshId: string; nodeId: string }): string {
  return `spiffe://${meshId}/node/${nodeId}`;
}

/** Issues a peer leaf and returns its chain (PEM). It lives 24 hours and never longer than its issuer. */
export function issuePeerLeaf(request: PeerLeafRequest): string {
  const { issuer, publicKey, nodeId, deploy, master } = request;
  const now = request.clock.now();
  const { notBefore, notAfter } = issuer.certificate.validity;
  const certificate = certify(
    {
      commonName: `Wasmherd peer ${nodeId}`,
      publicKey,
      notBefore: Math.max(now - hour, notBefore.getTime()),
      notAfter: Math.min(now + lifetimeMs, notAfter.getTime()),
      extensions: [
        { name: "basicConstraints", cA: false, critical: true },
        { name: "keyUsage", digitalSignature: true, critical: true },
        { name: "extKeyUsage", clientAuth: true, serverAuth: true },
        { name: "subjectAltName", altNames: [{ type: 6, value: nodeUri(request) }] },
        ...(master ? [markExtension("master")] : []),
        ...(deploy ? [markExtension("deploy")] : []),
      ],
    },
    issuer,
  );
  return [certificate, ...issuer.chain].join("");
}

/** The leaf of a stored chain and key. Throws `TypeError` when they do not belong together. */
export function peerLeaf(certificate: string, key: string): PeerLeaf {
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) throw new TypeError("certificate and key do not fit");
  return { certificate, key, notBefore: Date.parse(parsed.validFrom), notAfter: Date.parse(parsed.validTo) };
}
