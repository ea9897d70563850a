// The two leaves of a running node: kept in files, renewed with fresh keys, with listeners for changes.

import type { KeyObject } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import type { StateFiles } from "../../storage/state-files.js";
import { makeCsr } from "../x509/csr.js";
import { type PeerLeaf, peerLeaf } from "../x509/peer-leaf.js";
import { type PublicLeaf, publicLeaf } from "../x509/public-leaf.js";
import { leafKeyBits, rsaKey } from "../x509/rsa-key.js";
import { LeafStore } from "./leaf-store.js";
import type { LeafText } from "./mesh-files.js";

/**
 * Certificate requests (PEM) for the leaves to renew, the hosts that the public one should name, and the public chain
 * in service, whose hosts a master approved before.
 */
interface LeafRequests {
  readonly peer?: string;
  readonly public?: string;
  readonly hosts: readonly string[];
  readonly current?: string;
}

/** The chains (PEM, leaf first) that were signed for {@link LeafRequests}. */
interface LeafChains {
  readonly peer?: string | undefined;
  readonly public?: string | undefined;
}

/** Has leaves signed: by this node itself when it is a master, else by one over a link. */
export type RenewLeaves = (requests: LeafRequests) => Promise<LeafChains>;

/** Holds both leaves. */
export class NodeLeaves {
  readonly #peer: LeafStore<PeerLeaf>;
  readonly #public: LeafStore<PublicLeaf>;
  readonly #hosts: readonly string[];
  readonly #listeners = new Set<(leaf: PeerLeaf) => void>();
  #renew: RenewLeaves;

  private constructor(parts: {
    peer: LeafStore<PeerLeaf>;
    public: LeafStore<PublicLeaf>;
    hosts: readonly string[];
    renew: RenewLeaves;
  }) {
    this.#peer = parts.peer;
    this.#public = parts.public;
    this.#hosts = parts.hosts;
    this.#renew = parts.renew;
  }

  /**
   * Reads the stored leaves; `initial` are those that a join brought. Throws `internal` naming a file that is damaged.
   */
  static async open(options: {
    files: StateFiles;
    hosts: readonly string[];
    initial: { readonly peer: LeafText; readonly public: LeafText } | undefined;
    renew: RenewLeaves;
  }): Promise<NodeLeaves> {
    const { files, initial, hosts, renew } = options;
    return new NodeLeaves({
      peer: await LeafStore.open({ files, fileName: "peer-leaf", read: peerLeaf, initial: initial?.peer }),
      public: await LeafStore.open({ files, fileName: "public-leaf", read: publicLeaf, initial: initial?.public }),
      hosts,
      renew,
    });
  }

  get peer(): PeerLeaf | undefined {
    return this.#peer.current;
  }

  get public(): PublicLeaf | undefined {
    return this.#public.current;
  }

  /** From now on leaves are signed this way. */
  renewVia(renew: RenewLeaves): void {
    this.#renew = renew;
  }

  /** Calls `listener` with each new peer leaf; returns the function that ends that. */
  onPeer(listener: (leaf: PeerLeaf) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A new peer leaf with a fresh key, stored and in service. */
  async renewPeer(renew: RenewLeaves = this.#renew): Promise<PeerLeaf> {
    const key = await rsaKey(leafKeyBits);
    const { peer } = await renew({ peer: makeCsr(key), hosts: this.#hosts });
    if (peer === undefined) throw new TypeError("a peer leaf was asked for, and none was signed");
    return this.putPeer({ certificate: peer, key: pemOf(key) });
  }

  /** A new public leaf with a fresh key, stored and in service. */
  async renewPublic(): Promise<PublicLeaf> {
    const key = await rsaKey(leafKeyBits);
    const current = this.public?.certificate;
    const { public: chain } = await this.#renew({
      public: makeCsr(key),
      hosts: this.#hosts,
      ...(current === undefined ? {} : { current }),
    });
    if (chain === undefined) throw new TypeError("a public leaf was asked for, and none was signed");
    return this.putPublic({ certificate: chain, key: pemOf(key) });
  }

  /** Stores a peer leaf and puts it into service. */
  async putPeer({ certificate, key }: LeafText): Promise<PeerLeaf> {
    const leaf = await this.#peer.put(certificate, key);
    for (const listener of this.#listeners) listener(leaf);
    return leaf;
  }

  /** Stores a public leaf and puts it into service. */
  async putPublic({ certificate, key }: LeafText): Promise<PublicLeaf> {
    return this.#public.put(certificate, key);
  }
}

/** Whether half of a peer leaf's life is over, or it has not begun (then the clock was set back). */
export function isPeerLeafDue(leaf: PeerLeaf, clock: Clock): boolean {
  const now = clock.now();
  return now < leaf.notBefore || now >= (leaf.notBefore + leaf.notAfter) / 2;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }) as string;
}
