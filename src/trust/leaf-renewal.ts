// Renewal of a node's two leaves: by a master over the links, and by re-enrollment when no peer accepts the old one.

import * as z from "zod";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { Random, Timers } from "../core/timers.js";
import type { Links } from "../mesh/ports.js";
import type { Identity } from "../pki/identity/identity.js";
import { LeafRenewal, peerLeafPart } from "../pki/identity/leaf-renewal-timing.js";
import type { RenewalAuthority } from "../pki/join/renewal-authority.js";
import type { Registry } from "../pki/registry/registry.js";
import { issuerKeyOf } from "../pki/x509/peer-identity.js";
import type { PeerLeaf } from "../pki/x509/peer-leaf.js";
import type { PublicLeaf } from "../pki/x509/public-leaf.js";
import { requestFromMasters } from "./master-request.js";

/** The kind of request by which a node asks a master for leaves. */
const renewKind = "renew";
const renewTimeoutMs = 10_000;
const chain = z.string().max(32_768);
const chains = z.object({ peer: chain.optional(), public: chain.optional() });

/** What decides whether peers accept a leaf. */
interface LeafSources {
  readonly identity: Pick<Identity, "nodeId" | "isMaster" | "peerLeaf">;
  readonly registry: Pick<Registry, "lostMaster" | "isRevoked" | "issuerRevoked">;
  readonly clock: Clock;
}

/**
 * Whether a leaf was issued by a master that was revoked, so that no peer accepts it, and the node can get another one.
 * A node that was revoked itself gets none, and a master signs for itself: with a leaf of a revoked master it was
 * revoked too.
 */
function isOfRevoked(leaf: { readonly certificate: string }, { identity, registry }: LeafSources): boolean {
  return (
    registry.lostMaster &&
    !identity.isMaster &&
    !registry.isRevoked(identity.nodeId) &&
    registry.issuerRevoked(issuerKeyOf(leaf.certificate))
  );
}

/** Whether no peer accepts the peer leaf in service: it has not begun, has ended, or its issuer was revoked. */
export function isLockedOut(sources: LeafSources): boolean {
  const { identity, clock } = sources;
  const leaf = identity.peerLeaf();
  const isEarly = !identity.isMaster && leaf.notBefore > clock.now();
  return isEarly || leaf.notAfter <= clock.now() || isOfRevoked(leaf, sources);
}

/** What renewals work with. */
interface CertificateRenewalOptions extends LeafSources {
  readonly identity: Identity;
  readonly links: Links;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /** Puts a public leaf into service. */
  readonly usePublic: (leaf: PublicLeaf) => Promise<void>;
  /** Receives how each request for a peer leaf went; without an error: well. Returns whether the failure was logged. */
  readonly requested: (error?: unknown) => boolean;
}

/** Renews both leaves, each by itself. */
export class CertificateRenewal {
  readonly public: LeafRenewal<PublicLeaf>;
  readonly peer: LeafRenewal<PeerLeaf>;

  constructor(options: CertificateRenewalOptions) {
    const { identity, links, clock, timers, random, log, usePublic, requested } = options;
    identity.renewVia(async (requests) =>
      chainsOf(await requestFromMasters(links, { kind: renewKind, body: requests, timeoutMs: renewTimeoutMs })),
    );
    const worthless = (leaf: { readonly certificate: string }): boolean => isOfRevoked(leaf, options);
    const common = { clock, timers, random, worthless };
    this.public = new LeafRenewal({
      ...common,
      current: () => identity.publicLeaf(),
      renew: () => identity.renewPublicLeaf(),
      use: usePublic,
      onError: logFailure("public", log),
    });
    this.peer = new LeafRenewal({
      ...common,
      current: () => identity.peerLeaf(),
      renew: async () => {
        const leaf = await identity.renewPeerLeaf({ trusted: !worthless(identity.peerLeaf()) });
        requested();
        // After a long absence the public leaf has ended too, and its renewal has backed off.
        this.public.hurry();
        return leaf;
      },
      part: peerLeafPart,
      onError: (cause) => {
        if (!requested(cause)) logFailure("peer", log)(cause);
      },
    });
  }

  /** Looks at both leaves now: a revoked master takes the certificates with it that it signed. */
  hurry(): void {
    this.peer.hurry();
    this.public.hurry();
  }
}

/** Has a master answer the nodes that ask for leaves over their links. */
export function answerRenewals(links: Links, authority: RenewalAuthority): void {
  links.handle(renewKind, (body, { peer }) => authority.renew(peer.nodeId, body));
}

/** A master that is away is no fault of this node, and worth no stack: the next request follows soon. */
function logFailure(which: "public" | "peer", log: Logger): (cause: unknown) => void {
  const message = `the ${which} certificate could not be renewed`;
  return (cause) => {
    if (cause instanceof HerdError) log.warn(`${message}: ${cause.message}`, { repeat: "" });
    else log.error(message, { cause, repeat: "" });
  };
}

/** The chains in a master's answer; they are proved when they are put into service. */
function chainsOf(answer: unknown): z.infer<typeof chains> {
  const parsed = chains.safeParse(answer);
  if (!parsed.success) throw new Error("the master's answer holds no certificates", { cause: parsed.error });
  return parsed.data;
}
