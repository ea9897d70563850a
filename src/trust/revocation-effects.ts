// What a revocation changes at a node while it runs: its members and links, its certificates, and the apps that a
// revoked node had deployed.

import type { Catalog } from "../catalog/catalog.js";
import type { Logger } from "../core/log.js";
import type { Membership } from "../mesh/membership/members.js";
import type { LinkSet } from "../mesh/transport/link-set.js";
import type { Identity } from "../pki/identity/identity.js";
import type { Registry } from "../pki/registry/registry.js";
import type { CertificateRenewal } from "./leaf-renewal.js";
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

/**
 * From now on, drops a revoked node from the members, which cuts its link, and cuts the links of peers whose
 * certificates a revoked master issued: these peers need certificates of another master.
 */
export function dropRevokedPeers({
  registry,
  members,
  links,
}: {
  readonly registry: Pick<Registry, "onRevoked" | "issuerRevoked">;
  readonly members: Pick<Membership, "revoked">;
  readonly links: Pick<LinkSet, "all" | "cut">;
}): void {
  registry.onRevoked((id) => {
    members.revoked(id);
    for (const { peer } of links.all()) if (registry.issuerRevoked(peer.issuer)) links.cut(peer.nodeId, "revoked");
  });
}
