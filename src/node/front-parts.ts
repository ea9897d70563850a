// The node's face to its clients, and what keeps it working: the HTTPS interface, relays to and from peers, renewals of certificates.

import { z } from "zod";
import { readConsolePage } from "../console/page.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { packageVersion } from "../core/package-root.js";
import type { Membership } from "../mesh/membership/members.js";
import type { LinkSet } from "../mesh/transport/link-set.js";
import type { Governor } from "../owner/governor.js";
import { LeafRenewal, peerLeafPart } from "../pki/identity/leaf-renewal.js";
import { withKeyFiles } from "../pki/state/key-files.js";
import { issuerKeyOf } from "../pki/x509/peer-identity.js";
import type { PeerLeaf } from "../pki/x509/peer-leaf.js";
import type { PublicLeaf } from "../pki/x509/public-leaf.js";
import { HttpsApi } from "../server/https-api.js";
import { LinkRelay, relayKind } from "../server/relay/link-relay.js";
import { askMasters } from "../trust/ask-masters.js";
import type { DuplicateProcesses } from "../trust/duplicate-processes.js";
import type { MeshReadiness } from "../trust/mesh-readiness.js";
import { hearsOfRevocation } from "../trust/own-revocation.js";
import type { AppParts } from "./app-parts.js";
import { meshView } from "./mesh-view.js";
import type { NodeContext } from "./node-context.js";
import type { TrustParts } from "./trust-parts.js";

/** The interface and the renewals. */
export interface FrontParts {
  readonly api: HttpsApi;
  readonly publicRenewal: LeafRenewal<PublicLeaf>;
  readonly peerRenewal: LeafRenewal<PeerLeaf>;
  /** Whether no peer takes the certificate in service. */
  readonly isLockedOut: () => boolean;
}

/** What the HTTPS interface depends on. */
export interface FrontDependencies {
  readonly trust: TrustParts;
  readonly links: LinkSet;
  readonly members: Membership;
  readonly apps: AppParts;
  readonly governor: Governor;
  readonly readiness: MeshReadiness;
  readonly twins: DuplicateProcesses;
}

const renewTimeoutMs = 10_000;
const chain = z.string().max(32_768);
const chains = z.object({ peer: chain.optional(), public: chain.optional() });

/** Builds the parts; nothing is bound yet. */
export function frontParts(context: NodeContext, dependencies: FrontDependencies): FrontParts {
  const { trust, links, members, apps, governor, readiness, twins } = dependencies;
  const { config, identity, clock, timers, random, log, ring, metrics, events, port, ownerSecret, descriptors } =
    context;
  const { registry, renewalAuthority } = trust;
  // What a revoked node signs is worth nothing: whoever asks it is told that nobody here may.
  const marks = () => {
    const trusted = !registry.isRevoked(identity.nodeId);
    return { master: trusted && identity.isMaster, deploy: trusted && identity.mayDeploy };
  };
  const version = packageVersion();
  const startedAt = clock.now();
  const api = new HttpsApi({
    ...{
      host: config.host,
      port,
      advertise: config.advertise,
      limits: config.limits,
      connections: { limit: descriptors.connections, limitPerAddress: descriptors.connectionsPerAddress },
      clock,
      log,
      ring,
      metrics,
      events,
    },
    node: { id: identity.nodeId, name: identity.nodeName },
    rootCertificatePem: identity.rootCertificate,
    tokens: identity.tokens,
    ownerSecret,
    storage: identity.held,
    signIn: identity.signIn,
    joins: {
      authority: trust.registrationAuthority,
      issuer: trust.tokenIssuer,
      masters: () => registry.masters().map(({ node }) => node),
    },
    ...{ catalog: apps.catalog, deployer: apps.deployer, router: apps.router },
    invoker: apps.forwarding.invoker,
    canRun: () => apps.sandbox.isAble,
    relay: new LinkRelay({
      ...{ node: identity.nodeId, links, marks },
      hearsOfRevocation: () => hearsOfRevocation(identity.nodeId, { registry, timers }),
    }),
    mesh: meshView({ trust, links, members, apps, governor, twins, context }),
    owner: governor,
    about: () => ({
      version,
      startedAt,
      certificates: { peer: identity.peerLeaf().notAfter, public: identity.publicLeaf().notAfter },
    }),
    reasons: () => readiness.reasons(),
    page: readConsolePage(),
  });
  links.handle(relayKind, (body, { peer, signal }) => api.handleRelayed(body, { node: peer.nodeId, signal }));
  if (renewalAuthority !== undefined)
    links.handle("renew", (body, { peer }) => renewalAuthority.renew(peer.nodeId, body));
  identity.renewVia(async (requests) => {
    return chainsOf(await askMasters(links, { kind: "renew", body: requests, timeoutMs: renewTimeoutMs }));
  });
  // Who was revoked itself gets no other, and a master signs for itself: with a leaf of a revoked one it was revoked too.
  const ofRevoked = ({ certificate }: { readonly certificate: string }): boolean =>
    registry.lostMaster &&
    !identity.isMaster &&
    !registry.isRevoked(identity.nodeId) &&
    registry.issuerRevoked(issuerKeyOf(certificate));
  const common = { clock, timers, random, worthless: ofRevoked };
  const publicRenewal = new LeafRenewal({
    ...common,
    current: () => identity.publicLeaf(),
    renew: () => identity.renewPublicLeaf(),
    use: (leaf) => withKeyFiles(leaf, (files) => api.reload(files)),
    onError: notRenewed("public", log),
  });
  return {
    api,
    publicRenewal,
    isLockedOut: () => {
      const leaf = identity.peerLeaf();
      const isEarly = !identity.isMaster && leaf.notBefore > clock.now();
      return isEarly || leaf.notAfter <= clock.now() || ofRevoked(leaf);
    },
    peerRenewal: new LeafRenewal({
      ...common,
      current: () => identity.peerLeaf(),
      renew: async () => {
        const leaf = await identity.renewPeerLeaf({ trusted: !ofRevoked(identity.peerLeaf()) });
        readiness.asked();
        // After a long absence it has ended too, and is asked for ever more rarely.
        publicRenewal.hurry();
        return leaf;
      },
      part: peerLeafPart,
      onError: (cause) => {
        if (!readiness.asked(cause)) notRenewed("peer", log)(cause);
      },
    }),
  };
}

/** A master that is away is no fault of this node, and worth no stack: it is asked again soon. */
function notRenewed(which: "public" | "peer", log: Logger): (cause: unknown) => void {
  const message = `the ${which} certificate could not be renewed`;
  return (cause) => {
    if (cause instanceof HerdError) log.warn(`${message}: ${cause.message}`, { repeat: "" });
    else log.error(message, { cause, repeat: "" });
  };
}

/** A master's answer; what it holds is proved when it is put into service. */
function chainsOf(answer: unknown): z.infer<typeof chains> {
  const parsed = chains.safeParse(answer);
  if (!parsed.success) throw new Error("the master's answer holds no certificates", { cause: parsed.error });
  return parsed.data;
}
