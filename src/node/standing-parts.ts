// How this node stands in its mesh, and who else runs with its identity: put together, and what the links need of it.

import { randomHex } from "../core/ids.js";
import type { LinkSetOptions } from "../mesh/transport/link-set.js";
import { isLater, type Twin } from "../mesh/transport/rivals.js";
import { verifySigned } from "../pki/registry/records.js";
import type { Foundation } from "./foundation.js";
import { Standing } from "./standing.js";
import type { TrustParts } from "./trust-parts.js";
import { Twins } from "./twins.js";

/** The parts; `links` is what a `LinkSet` takes of them. */
export interface StandingParts {
  readonly standing: Standing;
  readonly twins: Twins;
  readonly links: Required<Pick<LinkSetOptions, "instance" | "started" | "refused" | "greeted" | "twins">>;
}

/** What the parts ask later, once there are links: how many, and whether no peer takes the certificate in service. */
export interface StandingSurroundings {
  readonly trust: TrustParts;
  readonly links: () => number;
  readonly isShutOut: () => boolean;
}

/** Builds the parts for this process. */
export function standingParts(foundation: Foundation, around: StandingSurroundings): StandingParts {
  const { config, identity, clock, log, peer: address } = foundation;
  const { trust, links, isShutOut } = around;
  const { registry, nameOf } = trust;
  const own: Twin = { instance: randomHex(16), started: clock.now(), address };
  const standing = new Standing({
    ...{ state: config.state, clock, log, nameOf, links, isShutOut },
    isKept: (rival) => isLater(own, rival),
    isRevoked: () => registry.isRevoked(identity.nodeId),
    certificate: () => identity.peerLeaf(),
  });
  const { rivalled, refused, greeted } = standing;
  const twins = new Twins({
    ...{ mesh: identity.meshId, signer: identity.signer, own, clock, log, nameOf, rivalled },
    verify: (signed) => {
      const node = registry.node(signed.signer);
      return node !== undefined && verifySigned(signed, node.key);
    },
    audit: identity.isMaster ? trust.record : undefined,
  });
  const { instance, started } = own;
  return { standing, twins, links: { instance, started, refused, greeted, twins: twins.rivals } };
}
