// The CA certificate of a master: signed by the root, it signs the leaves of nodes and nothing else.

import type { KeyObject } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { certify, type Issuer } from "./certificate.js";
import { markExtension } from "./marks.js";
import { type NameScope, nameConstraintsExtension } from "./name-constraints.js";

const day = 86_400_000;
const lifetimeMs = 5 * 365 * day;

/** Bits of a master's RSA key: it signs for five years. */
export const masterKeyBits = 3_072;

/** Whom a master certificate is for. `scope` is the root's: a master can vouch for no more. */
interface MasterRequest {
  readonly root: Issuer;
  readonly publicKey: KeyObject;
  readonly nodeId: string;
  readonly name: string;
  readonly meshId: string;
  readonly scope: NameScope;
  readonly clock: Clock;
}

/**
 * Issues a master's certificate (PEM) for five years: a CA below which no CA can stand (pathLen 0), with the master
 * mark. The names below it are bound to the root's scope, and its URIs to the mesh's own.
 */
export function issueMasterCertificate(request: MasterRequest): string {
  const { root, publicKey, nodeId, name, meshId, scope } = request;
  const now = request.clock.now();
  return certify(
    {
      // With the id, since clients look issuers up by name, and a node may become a master again with a new key.
      commonName: `Wasmherd master ${name.slice(0, 20)} ${nodeId.slice(0, 16)}`,
      publicKey,
      notBefore: Math.max(now - day, root.certificate.validity.notBefore.getTime()),
      notAfter: Math.min(now + lifetimeMs, root.certificate.validity.notAfter.getTime()),
      extensions: [
        { name: "basicConstraints", cA: true, pathLenConstraint: 0, critical: true },
        { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
        nameConstraintsExtension(scope, { uriHost: meshId }),
        markExtension("master"),
      ],
    },
    root,
  );
}
