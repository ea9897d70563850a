// The root of a mesh: the one certificate that people trust, and what it may vouch for.

import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import forge from "node-forge";
import type { Clock } from "../../core/clock.js";
import { randomHex } from "../../core/ids.js";
import { certifySelf, type Issuer } from "./certificate.js";
import { nameConstraintsExtension, nameScope } from "./name-constraints.js";
import { rsaKey } from "./rsa-key.js";

const rootKeyBits = 3_072;
const day = 86_400_000;
const lifetimeMs = 3_652 * day;

/** A mesh's root: certificate (PEM), key, and the mesh's id, which is derived from the certificate. */
export interface Root {
  readonly certificate: string;
  readonly key: KeyObject;
  readonly meshId: string;
}

/**
 * Founds a mesh: a self-signed root for ten years that may name local hosts, private addresses and `domains`, nothing
 * else.
 */
export async function foundRoot(options: { domains: readonly string[]; clock: Clock }): Promise<Root> {
  const key = await rsaKey(rootKeyBits);
  const now = options.clock.now();
  const certificate = certifySelf(
    {
      // Unique, since a machine may trust the roots of several meshes, and clients look issuers up by name.
      commonName: `Wasmherd mesh root ${new Date(now).toISOString().slice(0, 10)} ${randomHex(4)}`,
      // Machines of one mesh need not agree about the time to the minute.
      notBefore: now - day,
      notAfter: now + lifetimeMs,
      extensions: [
        { name: "basicConstraints", cA: true, critical: true },
        { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
        nameConstraintsExtension(nameScope(options.domains)),
      ],
    },
    key,
  );
  return { certificate, key, meshId: meshIdOf(certificate) };
}

/** The id of the mesh that a root certificate (PEM) founded: 32 hex digits of its SHA-256. */
export function meshIdOf(certificate: string): string {
  return createHash("sha256").update(new X509Certificate(certificate).raw).digest("hex").slice(0, 32);
}

/** The root as an issuer. */
export function rootIssuer(root: Pick<Root, "certificate" | "key">): Issuer {
  return { certificate: forge.pki.certificateFromPem(root.certificate), key: root.key, chain: [] };
}
