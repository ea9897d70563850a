// What a revocation changes at a node while it runs: its certificates, and the apps that a revoked node had deployed.

import type { Catalog } from "../catalog/catalog.js";
import type { Logger } from "../core/log.js";
import type { Identity } from "../pki/identity/identity.js";
import type { Registry } from "../pki/registry/registry.js";
import type { CertificateRenewal } from "./certificate-renewal.js";
import { watchOwnRevocation } from "./own-revocation.js";

/** What revocations change. */
interface RevocationEffectsOptions {
  readonly identity: Pick<Identity, "nodeId" | "isMaster">;
  readonly registry: Pick<Registry, "isRevoked" | "onRevoked">;
  readonly renewal: CertificateRenewal;
  readonly manifests: Pick<Catalog["records"], "dropFrom" | "resign">;
  readonly log: Logger;
  /** Stops what needs the trust of the mesh, for a node that was revoked itself. */
  readonly leave: () => Promise<void>;
}

/**
 * Follows revocations from now on, and those that came while the node was away; returns the function that ends that.
 */
export function followRevocations(options: RevocationEffectsOptions): () => void {
  const { identity, registry, renewal, manifests, log, leave } = options;
  /** A master that still counts signs anew what a revoked node deployed, so that nodes which come later get it too. */
  const resign = (): void => {
    if (!identity.isMaster || registry.isRevoked(identity.nodeId)) return;
    manifests.resign().catch((cause: unknown) => {
      log.error("what a revoked node had deployed could not be signed anew", { cause });
    });
  };
  const ends = [
    watchOwnRevocation({ nodeId: identity.nodeId, registry, log, leave }),
    registry.onRevoked((id) => {
      renewal.hurry();
      manifests.dropFrom(id);
      resign();
    }),
  ];
  resign();
  return () => {
    for (const end of ends) end();
  };
}
