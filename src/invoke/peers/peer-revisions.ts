// Which linked peers can run which revisions, as they tell it; and telling them the same of this node.

import type { Timers } from "../../core/timers.js";
import type { From, Link, Links } from "../../mesh/ports.js";
import { isRevision } from "../peer-values.js";
import type { Peer } from "./peer.js";

/** The revisions that this node can run. */
export interface RevisionSource {
  revisions(): Iterable<string>;
  /** Hears of each revision that comes or goes; returns the function that ends that. */
  watch(changed: { added(revision: string): void; dropped(revision: string): void }): () => void;
}

/** What {@link PeerRevisions} works with. */
export interface PeerRevisionsOptions {
  readonly links: Pick<Links, "handle">;
  readonly revisions: RevisionSource;
  readonly timers: Timers;
  /** The linked peers by node id. */
  readonly peers: ReadonlyMap<string, Peer>;
}

/** Revisions of one peer that are kept; the rest is as if it did not hold them. */
const maxRevisions = 10_000;

const nobody: readonly Peer[] = [];

/** Who holds what among the linked peers. */
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

  /** Listens and tells. Call it before the links start. */
  start(): void {
    if (this.#end !== undefined || this.#stopped) return;
    const { links, revisions } = this.#options;
    links.handle("revisions", (body, from) => this.#heard(body, from));
    this.#end = revisions.watch({
      added: (revision) => this.#own(revision, { into: this.#added, outOf: this.#dropped }),
      dropped: (revision) => this.#own(revision, { into: this.#dropped, outOf: this.#added }),
    });
  }

  /** Tells no more. */
  stop(): void {
    this.#stopped = true;
    this.#end?.();
  }

  /** The linked peers that hold a revision. The list never changes. */
  holders(revision: string): readonly Peer[] {
    return this.#holders.get(revision) ?? nobody;
  }

  /** Tells all of this node's over a link that has just opened. */
  tellAll(link: Link): void {
    link.notify("revisions", [true, [...this.#options.revisions.revisions()].slice(0, maxRevisions), []]);
  }

  /** The peer is gone. */
  forget(peer: Peer): void {
    for (const revision of peer.revisions) this.#unhold(peer, revision);
  }

  #heard(body: unknown, { peer: { nodeId } }: From): void {
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

  /** A revision of this node came or went: told with the next turn of the event loop, with whatever else changed in this one. */
  #own(revision: string, { into, outOf }: { into: Set<string>; outOf: Set<string> }): void {
    if (this.#added.size + this.#dropped.size === 0) this.#options.timers.after(0, () => this.#tellChanges());
    // One that came and went in between may be held by peers as either: the last word counts.
    outOf.delete(revision);
    into.add(revision);
  }

  #tellChanges(): void {
    const body = [false, [...this.#added], [...this.#dropped]];
    this.#added.clear();
    this.#dropped.clear();
    if (!this.#stopped) for (const { link } of this.#options.peers.values()) link.notify("revisions", body);
  }
}
