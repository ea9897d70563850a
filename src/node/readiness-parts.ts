// How this node stands in its mesh, and who else runs with its identity: put together, and what the links need of it.

import { randomHex } from "../core/ids.js";
import { isLater, type ProcessInstance } from "../mesh/transport/duplicate-detector.js";
import type { LinkSetOptions } from "../mesh/transport/link-set.js";
import { verifySigned } from "../pki/registry/records.js";
import { DuplicateProcesses } from "../trust/duplicate-processes.js";
import { MeshReadiness } from "../trust/mesh-readiness.js";
import type { NodeContext } from "./node-context.js";
import type { TrustParts } from "./trust-parts.js";

/** The parts; `links` is what a `LinkSet` takes of them. */
export interface ReadinessParts {
  readonly readiness: MeshReadiness;
  readonly twins: DuplicateProcesses;
  readonly links: Required<Pick<LinkSetOptions, "instance" | "started" | "refused" | "clockSkew" | "duplicates">>;
}

/** What the parts ask later, once there are links: how many, and whether no peer takes the certificate in service. */
export interface ReadinessDependencies {
  readonly trust: TrustParts;
  readonly links: () => number;
  readonly isLockedOut: () => boolean;
}

/** Builds the parts for this process. */
export function readinessParts(context: NodeContext, dependencies: ReadinessDependencies): ReadinessParts {
  const { config, identity, clock, log, peer: address } = context;
  const { trust, links, isLockedOut } = dependencies;
  const { registry, nameOf } = trust;
  const own: ProcessInstance = { instance: randomHex(16), started: clock.now(), address };
  const readiness = new MeshReadiness({
    ...{ state: config.state, clock, log, nameOf, links, isLockedOut },
    isKept: (rival) => isLater(own, rival),
    isRevoked: () => registry.isRevoked(identity.nodeId),
    certificate: () => identity.peerLeaf(),
  });
  const { rivalled, refused, clockSkew } = readiness;
  const twins = new DuplicateProcesses({
    ...{ mesh: identity.meshId, signer: identity.signer, own, clock, log, nameOf, rivalled },
    verify: (signed) => {
      const node = registry.node(signed.signer);
      return node !== undefined && verifySigned(signed, node.key);
    },
    audit: identity.isMaster ? trust.record : undefined,
  });
  const { instance, started } = own;
  return { readiness, twins, links: { instance, started, refused, clockSkew, duplicates: twins.detection } };
}
