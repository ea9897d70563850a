// This process of the node: what its peers report of it, and other processes with its identity.

import type { Clock } from "../core/clock.js";
import { randomHex } from "../core/ids.js";
import type { Logger } from "../core/log.js";
import type { Links } from "../mesh/ports.js";
import { livenessKind, type ProcessInstance } from "../mesh/transport/duplicate-process-detector.js";
import type { Identity } from "../pki/identity/identity.js";
import { DuplicateProcesses } from "./duplicate-processes.js";
import type { LinkProcess } from "./mesh-parts.js";
import { PeerAcceptance } from "./peer-acceptance.js";
import type { TrustParts } from "./trust-parts.js";

/** What is built for this process; `link` is what a `LinkSet` takes of it. */
export interface OwnProcess {
  readonly acceptance: PeerAcceptance;
  readonly duplicates: DuplicateProcesses;
  readonly link: LinkProcess;
}

/** What this process is built from. */
interface OwnProcessContext {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Logger;
  /** Path of the state folder. */
  readonly state: string;
  /** The `HOST:PORT` that peers dial. */
  readonly peer: string;
}

/** Builds the parts; `links` counts the open links. */
export function ownProcess(
  { identity, clock, log, state, peer: address }: OwnProcessContext,
  { trust, links }: { readonly trust: TrustParts; readonly links: () => number },
): OwnProcess {
  const { registry, nameOf } = trust;
  const own: ProcessInstance = { instance: randomHex(16), started: clock.now(), address };
  const acceptance = new PeerAcceptance({ state, identity, registry, own, clock, log, nameOf, links });
  const { refused, clockSkew, duplicated } = acceptance;
  const duplicates = new DuplicateProcesses({
    identity,
    registry,
    own,
    clock,
    log,
    nameOf,
    duplicated,
    audit: trust.record,
  });
  const { instance, started } = own;
  return { acceptance, duplicates, link: { instance, started, refused, clockSkew, duplicates: duplicates.detection } };
}

/** Proves to peers that this process lives, when they ask for it. */
export function answerLiveness(links: Links, duplicates: DuplicateProcesses): void {
  links.handle(livenessKind, (body, { peer }) => duplicates.answer(body, peer.nodeId));
}
