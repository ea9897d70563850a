// The mesh as a node takes part in it: links, members and records, all of which trust by the registry of signed
// records.

import type { Clock } from "../core/clock.js";
import type { DoorKind } from "../core/door-kind.js";
import { randomHex } from "../core/ids.js";
import type { Logger } from "../core/log.js";
import type { OuterWall } from "../core/outer-wall.js";
import type { Signer } from "../core/signed.js";
import type { Random, Timers } from "../core/timers.js";
import { LoopDelay } from "../mesh/membership/loop-delay.js";
import { Membership } from "../mesh/membership/members.js";
import type { Network, RecordStore } from "../mesh/ports.js";
import { RecordReplica } from "../mesh/replication/replica.js";
import { LinkSet, type LinkSetOptions } from "../mesh/transport/link-set.js";
import { verifySigned } from "../pki/registry/records.js";
import type { Registry } from "../pki/registry/registry.js";
import type { KnownAddresses } from "./known-addresses.js";
import { acceptRecords } from "./records-intake.js";
import { dropRevokedPeers } from "./revocation-effects.js";

/** Links, members and records. */
export interface MeshParts {
  readonly links: LinkSet;
  readonly members: Membership;
  readonly delay: LoopDelay;
  /** Made once every store is there. */
  replica(stores: readonly RecordStore[]): RecordReplica;
}

/**
 * What the parts are built from; `peer` is the `HOST:PORT` that peers dial, undefined for a node that nobody can dial.
 */
interface MeshContext {
  readonly identity: { readonly nodeId: string; readonly meshId: string; readonly signer: Signer };
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  readonly url: string;
  readonly peer: string | undefined;
  readonly wall?: OuterWall;
  readonly door?: DoorKind;
}

/** Further dependencies of the parts. */
interface MeshDependencies {
  readonly network: Network;
  readonly registry: Registry;
  readonly addresses: KnownAddresses;
  /** This process, and what receives refusals, clock skews and duplicate processes. */
  readonly process?: LinkProcess;
}

/** The options of a `LinkSet` that are about this process. */
export type LinkProcess = Required<
  Pick<LinkSetOptions, "instance" | "started" | "refused" | "clockSkew" | "duplicates">
>;

/** Builds the parts; nothing listens yet. */
export function meshParts(
  context: MeshContext,
  { network, registry, addresses, process }: MeshDependencies,
): MeshParts {
  const { identity, clock, timers, random, log, url, wall, door, peer: address } = context;
  const links: LinkSet = new LinkSet({
    nodeId: identity.nodeId,
    ...(process ?? { instance: randomHex(16) }),
    network,
    clock,
    timers,
    random,
    log,
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
    door,
    address,
    url,
    links,
    clock,
    timers,
    random,
    log,
    ...addresses,
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
  dropRevokedPeers({ registry, members, links });
  return {
    links,
    members,
    delay,
    replica: (stores) =>
      new RecordReplica({
        links,
        stores,
        clock,
        timers,
        random,
        log,
        dialable: (id) => members.get(id)?.address !== undefined,
      }),
  };
}
