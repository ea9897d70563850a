// The time in which a node takes part in its mesh: links are open, revocations are followed, and its records are the
// mesh's.

import { setTimeout as sleep } from "node:timers/promises";
import type { Catalog } from "../catalog/catalog.js";
import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/log.js";
import type { Membership } from "../mesh/membership/members.js";
import type { Publish } from "../mesh/ports.js";
import type { RecordReplica } from "../mesh/replication/replica.js";
import type { LinkSet } from "../mesh/transport/link-set.js";
import type { TlsNetwork } from "../mesh/transport/tls-network.js";
import type { Identity } from "../pki/identity/identity.js";
import type { Registry } from "../pki/registry/registry.js";
import { type CertificateRenewal, isLockedOut } from "./leaf-renewal.js";
import { publishMasterAddress } from "./master-address.js";
import { followRevocations } from "./revocation-effects.js";

/**
 * Once its links are open, how long a node waits for the records of its mesh, ms. Longer waits serve fewer calls with
 * old records; a node that is alone serves all the same.
 */
const firstSyncMs = 3_000;

/** What takes part. */
interface MeshParticipationOptions {
  readonly identity: Identity;
  readonly registry: Registry;
  readonly links: LinkSet;
  readonly members: Pick<Membership, "leave">;
  readonly network: Pick<TlsNetwork, "use">;
  readonly renewal: CertificateRenewal;
  readonly replica: Pick<RecordReplica, "compared">;
  readonly manifests: Catalog["records"];
  readonly publish: Publish;
  readonly clock: Clock;
  readonly log: Logger;
  /** This node's HTTPS address, and the `HOST:PORT` that peers dial. */
  readonly url: string;
  readonly peer: string;
  /** Aborts when the node is to stop, also while it starts. */
  readonly stopped: AbortSignal;
  /** Publishes what happens in the mesh from now on; returns the function that ends that. */
  readonly watch: () => () => void;
  /** Takes no more calls of peers, once the node itself was revoked. */
  readonly drain: () => void;
}

/** Starts once all that answers peers is there. */
export class MeshParticipation {
  readonly #options: MeshParticipationOptions;
  #ends: (() => void)[] = [];

  constructor(options: MeshParticipationOptions) {
    this.#options = options;
  }

  /** Opens the links; resolves when the node has compared its records with a peer's, or waited for that long enough. */
  async start(): Promise<void> {
    const { identity, registry, links, network, renewal, replica, publish, stopped, watch } = this.#options;
    this.#ends = [
      identity.onPeerLeaf((leaf) => network.use(leaf)),
      watch(),
      followRevocations({ ...this.#options, leave: () => this.#leaveRevoked() }),
    ];
    // No dial can succeed without a leaf that peers accept. An accepted leaf is renewed over the links.
    if (isLockedOut(this.#options)) await renewal.peer.check();
    await links.start();
    await publishMasterAddress(this.#options, { registry, publish });
    if (registry.nodes().length > 1) await waitAtMost(firstSyncMs, [replica.compared, stopped]);
  }

  /** Leaves the mesh, then ends the links. */
  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    await this.#options.members.leave();
    await this.#options.links.stop();
  }

  async #leaveRevoked(): Promise<void> {
    const { drain, links, renewal } = this.#options;
    drain();
    await Promise.all([links.stop(), renewal.peer.stop()]);
  }
}

/** Resolves when one of the signals aborts, or after so long. */
async function waitAtMost(ms: number, signals: AbortSignal[]): Promise<void> {
  await sleep(ms, undefined, { signal: AbortSignal.any(signals) }).catch(() => undefined);
}
