// Which linked peers can run which revisions, by their notifications; and notifications of this node's own revisions.

import type { Timers } from "../../core/timers.js";
import type { From, Link, Links } from "../../mesh/ports.js";
import { isRevision } from "../peer-values.js";
import type { Peer } from "./peer.js";

/** The revisions that this node can run. */
export interface RevisionSource {
  revisions(): Iterable<string>;
  /** Notifies of each revision that is added or dropped; returns the function that ends the subscription. */
  watch(changed: { added(revision: string): void; dropped(revision: string): void }): () => void;
}

/** Dependencies of {@link PeerRevisions}. */
export interface PeerRevisionsOptions {
  readonly links: Pick<Links, "handle">;
  readonly revisions: RevisionSource;
  readonly timers: Timers;
  /** The linked peers by node id. */
  readonly peers: ReadonlyMap<string, Peer>;
}

/** Revisions of one peer that are kept; the peer is treated as if it did not hold the rest. */
const maxRevisions = 10_000;

const none: readonly Peer[] = [];

/** The holders of each revision among the linked peers. */
export class PeerRevisions {
  readonly #options: PeerRevisionsOptions;
  readonly #holders = new Map<string, Peer[]>();
  #added = new Set<string>();
  #dropped = new Set<string>();
  #end: (() => void) | undefined;
  #stopped = false;

  constructor(options: PeerRevisionsOptions) {
    this.#options = options;
  }

  /** Registers the handler and watches this node's revisions. To be called before the links start. */
  start(): void {
    if (this.#end !== undefined || this.#stopped) return;
    const { links, revisions } = this.#options;
    links.handle("revisions", (body, from) => this.#receive(body, from));
    this.#end = revisions.watch({
      added: (revision) => this.#own(revision, { into: this.#added, outOf: this.#dropped }),
      dropped: (revision) => this.#own(revision, { into: this.#dropped, outOf: this.#added }),
    });
  }

  /** Ends all notifications. */
  stop(): void {
    this.#stopped = true;
    this.#end?.();
  }

  /** The linked peers that hold a revision. The returned list never changes. */
  holders(revision: string): readonly Peer[] {
    return this.#holders.get(revision) ?? none;
  }

  /** Sends all revisions of this node over a link that has just opened. */
  sendAll(link: Link): void {
    link.notify("revisions", [true, [...this.#options.revisions.revisions()].slice(0, maxRevisions), []]);
  }

  /** Forgets a peer that is gone. */
  forget(peer: Peer): void {
    for (const revision of peer.revisions) this.#unhold(peer, revision);
  }

  #receive(body: unknown, { peer: { nodeId } }: From): void {
    const peer = this.#options.peers.get(nodeId);
    if (peer === undefined || !Array.isArray(body) || body.length !== 3) return;
    const [whole, add, drop] = body as unknown[];
    if (typeof whole !== "boolean" || !Array.isArray(add) || !Array.isArray(drop)) return;
    const added = new Set(add.slice(0, maxRevisions).filter(isRevision));
    const dropped = whole ? [...peer.revisions].filter((revision) => !added.has(revision)) : drop;
    for (const revision of dropped) if (peer.revisions.delete(revision)) this.#unhold(peer, revision);
    for (const revision of added) {
      if (peer.revisions.has(revision) || peer.revisions.size >= maxRevisions) continue;
      peer.revisions.add(revision);
      this.#holders.set(revision, [...this.holders(revision), peer]);
    }
  }

  #unhold(peer: Peer, revision: string): void {
    const left = this.holders(revision).filter((holder) => holder !== peer);
    if (left.length === 0) this.#holders.delete(revision);
    else this.#holders.set(revision, left);
  }

  /**
   * Plans a notification of an added or dropped revision: with the next turn of the event loop, together with other
   * changes of this turn.
   */
  #own(revision: string, { into, outOf }: { into: Set<string>; outOf: Set<string> }): void {
    if (this.#added.size + this.#dropped.size === 0) this.#options.timers.after(0, () => this.#sendChanges());
    // A revision that was added and dropped within one turn may be held by peers or not: the last change is sent.
    outOf.delete(revision);
    into.add(revision);
  }

  #sendChanges(): void {
    const body = [false, [...this.#added], [...this.#dropped]];
    this.#added.clear();
    this.#dropped.clear();
    if (!this.#stopped) for (const { link } of this.#options.peers.values()) link.notify("revisions", body);
  }
}
