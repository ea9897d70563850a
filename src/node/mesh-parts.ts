// The mesh as a node takes part in it: links to peers, who is there, and the records that all of them end up having.

import { randomHex } from "../core/ids.js";
import { LoopDelay } from "../mesh/membership/loop-delay.js";
import { Membership } from "../mesh/membership/members.js";
import type { Network, RecordStore } from "../mesh/ports.js";
import { RecordReplica } from "../mesh/replication/replica.js";
import { LinkSet } from "../mesh/transport/link-set.js";
import { verifySigned } from "../pki/registry/records.js";
import type { KnownAddresses } from "../trust/known-addresses.js";
import { acceptRecords } from "../trust/records-intake.js";
import type { NodeContext } from "./node-context.js";
import type { ReadinessParts } from "./readiness-parts.js";
import type { TrustParts } from "./trust-parts.js";

/** Links, members and records. */
export interface MeshParts {
  readonly links: LinkSet;
  readonly members: Membership;
  readonly delay: LoopDelay;
  /** Made once every store is there. */
  replica(stores: readonly RecordStore[]): RecordReplica;
}

/** What of a {@link NodeContext} they stand on; `peer` is undefined for a node that nobody can dial. */
export interface MeshContext extends Pick<NodeContext, "clock" | "timers" | "random" | "log" | "url"> {
  readonly wall?: NodeContext["wall"];
  readonly identity: Pick<NodeContext["identity"], "nodeId" | "meshId" | "signer">;
  readonly peer: string | undefined;
}

/**
 * What the parts need beside; `readiness` is this process, and who hears of refusals and of other processes with its
 * identity.
 */
export interface MeshDependencies {
  readonly network: Network;
  readonly trust: Pick<TrustParts, "registry">;
  readonly addresses: KnownAddresses;
  readonly readiness?: ReadinessParts["links"];
}

/** Builds the parts; nothing listens yet. */
export function meshParts(context: MeshContext, { network, trust, addresses, readiness }: MeshDependencies): MeshParts {
  const { identity, clock, timers, random, log, url, wall, peer: address } = context;
  const { registry } = trust;
  const links: LinkSet = new LinkSet({
    nodeId: identity.nodeId,
    ...(readiness ?? { instance: randomHex(16) }),
    ...{ network, clock, timers, random, log },
    trust: registry,
    hello: () => ({ address, url, records: registry.handshakeRecords(identity.nodeId) }),
    acceptRecords: async (records, peer) => {
      await acceptRecords(records, registry.stores);
      registry.check(peer);
    },
    revocationProof: ({ nodeId, issuer }) => registry.revocationProof(nodeId, issuer),
  });
  const delay = new LoopDelay();
  const members = new Membership({
    mesh: identity.meshId,
    signer: identity.signer,
    contained: wall && wall.missing.length === 0,
    ...{ address, url, links, clock, timers, random, log, ...addresses },
    nameOf: (id) => registry.node(id)?.name ?? id,
    trust: {
      known: (id) => registry.node(id) !== undefined,
      isRevoked: (id) => registry.isRevoked(id),
      verify: (signed) => {
        const node = registry.node(signed.signer);
        return node !== undefined && !node.revoked && verifySigned(signed, node.key);
      },
    },
    loopDelayMs: () => delay.takeMs(),
    masters: () =>
      registry
        .masters()
        .flatMap(({ node: id, peer }) => (peer === undefined || id === identity.nodeId ? [] : [{ id, address: peer }])),
  });
  registry.onRevoked((id) => {
    members.revoked(id);
    // With a master goes what it signed: its nodes need certificates of another one.
    for (const { peer } of links.all()) if (registry.issuerRevoked(peer.issuer)) links.cut(peer.nodeId, "revoked");
  });
  return {
    ...{ links, members, delay },
    replica: (stores) =>
      new RecordReplica({
        ...{ links, stores, clock, timers, random, log },
        dialable: (id) => members.get(id)?.address !== undefined,
      }),
  };
}
