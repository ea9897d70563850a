// The node's face to its clients: the HTTPS interface, and relays to and from peers.

import { readConsolePage } from "../console/built-page.js";
import { packageVersion } from "../core/package-root.js";
import type { Availability } from "../invoke/availability.js";
import type { Membership } from "../mesh/membership/members.js";
import type { LinkSet } from "../mesh/transport/link-set.js";
import type { Governor } from "../owner/governor.js";
import { HttpsApi } from "../server/https-api.js";
import { LinkRelay, relayKind } from "../server/relay/relay-sender.js";
import { meshView } from "../server/views/mesh-view.js";
import type { OwnProcess } from "../trust/own-process.js";
import { receivesRevocation } from "../trust/own-revocation.js";
import type { TrustParts } from "../trust/trust-parts.js";
import type { AppParts } from "./app-parts.js";
import type { NodeContext } from "./node-context.js";

/** What the interface depends on. */
interface ApiDependencies {
  readonly trust: TrustParts;
  readonly links: LinkSet;
  readonly members: Membership;
  readonly apps: AppParts;
  readonly governor: Governor;
  readonly availability: Availability;
  readonly process: OwnProcess;
}

/** Builds the interface; nothing is bound yet. */
export function httpsApi(context: NodeContext, dependencies: ApiDependencies): HttpsApi {
  const { config, identity, clock, timers, log, ring, metrics, events, ownerSecret, descriptors, port } = context;
  const { wall, door, recycle } = context;
  const { trust, links, members, apps, governor, availability, process } = dependencies;
  const { registry, master, marks } = trust;
  const { catalog, deployer, router, forwarding, sandbox } = apps;
  const { acceptance, duplicates } = process;
  const version = packageVersion();
  const startedAt = clock.now();
  const api = new HttpsApi({
    door,
    host: config.host,
    port,
    advertise: config.advertise,
    limits: config.limits,
    clock,
    log,
    ring,
    metrics,
    events,
    ownerSecret,
    connections: { limit: descriptors.connections, limitPerAddress: descriptors.connectionsPerAddress },
    node: { id: identity.nodeId, name: identity.nodeName },
    rootCertificatePem: identity.rootCertificate,
    tokens: identity.tokens,
    storage: identity.held,
    signIn: identity.signIn,
    joins: {
      authority: master?.registrationAuthority,
      issuer: master?.tokenIssuer,
      masters: () => registry.masters().map(({ node }) => node),
    },
    catalog,
    deployer,
    router,
    invoker: forwarding.invoker,
    canRun: () => sandbox.isAble,
    relay: new LinkRelay({
      node: identity.nodeId,
      links,
      marks,
      receivesRevocation: () => receivesRevocation(identity.nodeId, { registry, timers }),
    }),
    mesh: meshView({ trust, links, members, forwarding, availability, duplicates, wall, recycle }),
    owner: governor,
    about: () => ({
      version,
      startedAt,
      certificates: { peer: identity.peerLeaf().notAfter, public: identity.publicLeaf().notAfter },
    }),
    reasons: () => acceptance.reasons(),
    page: readConsolePage(),
  });
  links.handle(relayKind, (body, { peer, signal }) => api.handleRelayed(body, { node: peer.nodeId, signal }));
  return api;
}
