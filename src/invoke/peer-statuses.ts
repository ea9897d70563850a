// What linked peers tell of themselves: how busy they are and which revisions they can run; and telling them the same of this node.

import type { Clock } from "../core/clock.js";
import type { Random, Timers } from "../core/timers.js";
import type { From, Link, Links, Member, Members } from "../mesh/seams.js";
import { isCount, isMs, isRevision, type Told } from "./call-frame.js";
import type { Load } from "./finish.js";
import type { OwnLoad } from "./own-load.js";
import { Peer, type Status } from "./peer.js";

/** The revisions that this node can run. */
export interface RevisionSource {
  revisions(): Iterable<string>;
  /** Hears of each revision that comes or goes; returns the function that ends that. */
  watch(changed: { added(revision: string): void; dropped(revision: string): void }): () => void;
}

/** What {@link PeerStatuses} works with. */
export interface PeerStatusesOptions {
  readonly links: Links;
  readonly members: Pick<Members, "get" | "watch">;
  readonly load: OwnLoad;
  readonly revisions: RevisionSource;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/** A status goes out at least so often; what is due is looked at then. */
const tickMs = 900;
/** A peer that was not heard of for so long gets no calls. */
const silentMs = 3_000;
/** A changed load is told after so long, and later the more links there are: a node's telling costs the mesh the same at any size. */
const settleMs = 20;
const settlePerLinkMs = 2;
/** Revisions of one peer that are kept; the rest is as if it did not hold them. */
const maxRevisions = 10_000;

const nobody: readonly Peer[] = [];

/** The linked peers. */
export class PeerStatuses {
  readonly #options: PeerStatusesOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #holders = new Map<string, Peer[]>();
  #told: { readonly load: Load; readonly draining: boolean } | undefined;
  #added = new Set<string>();
  #dropped = new Set<string>();
  #ends: (() => void)[] | undefined;
  #cancelTick: (() => void) | undefined;
  #cancelSettle: (() => void) | undefined;
  #stopped = false;

  constructor(options: PeerStatusesOptions) {
    this.#options = options;
  }

  /** Listens and tells. Call it before the links start, since it registers handlers of theirs. */
  start(): void {
    if (this.#ends !== undefined || this.#stopped) return;
    const { links, members, load, revisions, random } = this.#options;
    links.handle("status", (body, from) => this.#heardStatus(body, from));
    links.handle("revisions", (body, from) => this.#heardRevisions(body, from));
    this.#ends = [
      links.watch({ opened: (link) => this.#opened(link), ended: (link) => this.#ended(link) }),
      members.watch((member) => this.#judge(member)),
      load.watch(() => this.#touch()),
      revisions.watch({
        added: (revision) => this.#own(revision, { into: this.#added, outOf: this.#dropped }),
        dropped: (revision) => this.#own(revision, { into: this.#dropped, outOf: this.#added }),
      }),
    ];
    for (const link of links.all()) this.#opened(link);
    this.#arm(tickMs * random());
  }

  /** Tells no more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
    this.#cancelSettle?.();
    for (const end of this.#ends ?? []) end();
    this.#ends = [];
  }

  /** All linked peers. */
  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** The linked peer of that id. */
  get(nodeId: string): Peer | undefined {
    return this.#peers.get(nodeId);
  }

  /** The linked peers that hold a revision, also those that take no calls now: they are not usable. The list never changes. */
  candidates(revision: string): readonly Peer[] {
    return this.#holders.get(revision) ?? nobody;
  }

  /** Ids of the linked peers that can run a revision; this node is not among them. */
  holders(revision: string): string[] {
    return this.candidates(revision).map(({ nodeId }) => nodeId);
  }

  /** Counts a call that came from that node. */
  received(nodeId: string): void {
    const peer = this.#peers.get(nodeId);
    if (peer !== undefined) peer.received++;
  }

  /** What goes with an answer to that node. */
  tell(nodeId: string): Told {
    const { running, queued } = this.#options.load.read();
    return { running, queued, seen: this.#peers.get(nodeId)?.received ?? 0 };
  }

  /** Takes what came with an answer. */
  heard(peer: Peer, told: Told): void {
    peer.hear(told);
    this.#heard(peer);
  }

  #opened(link: Link): void {
    const { nodeId } = link.peer;
    let peer = this.#peers.get(nodeId);
    if (peer === undefined) {
      peer = new Peer(link);
      this.#peers.set(nodeId, peer);
      const member = this.#options.members.get(nodeId);
      if (member !== undefined) this.#judge(member);
    } else if (peer.link === link) {
      return;
    } else {
      peer.adopt(link);
    }
    link.tell("revisions", [true, [...this.#options.revisions.revisions()].slice(0, maxRevisions), []]);
    this.#tellStatus(peer);
  }

  #ended(link: Link): void {
    const peer = this.#peers.get(link.peer.nodeId);
    if (peer === undefined || peer.link !== link) return;
    const other = this.#options.links.get(peer.nodeId);
    if (other !== undefined && other !== link) {
      this.#opened(other);
      return;
    }
    this.#peers.delete(peer.nodeId);
    for (const revision of peer.revisions) this.#unhold(peer, revision);
    // Calls that still wait for its answers look at it.
    peer.fresh = false;
  }

  /** Only what is alive gets calls. The link of an unknown member proves that it lives. */
  #judge({ id, state }: Member): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) peer.alive = state === "alive";
  }

  #heard(peer: Peer): void {
    peer.heardAt = this.#options.clock.monotonic();
    // Before its first status nobody knows how many slots it has.
    peer.fresh = peer.slots > 0;
  }

  #heardStatus(body: unknown, { peer: { nodeId } }: From): void {
    const peer = this.#peers.get(nodeId);
    const status = decodeStatus(body);
    if (peer === undefined || status === undefined) return;
    peer.update(status);
    this.#heard(peer);
  }

  #heardRevisions(body: unknown, { peer: { nodeId } }: From): void {
    const peer = this.#peers.get(nodeId);
    if (peer === undefined || !Array.isArray(body) || body.length !== 3) return;
    const [whole, add, drop] = body as unknown[];
    if (typeof whole !== "boolean" || !Array.isArray(add) || !Array.isArray(drop)) return;
    const added = new Set(add.slice(0, maxRevisions).filter(isRevision));
    const dropped = whole ? [...peer.revisions].filter((revision) => !added.has(revision)) : drop;
    for (const revision of dropped) if (peer.revisions.delete(revision)) this.#unhold(peer, revision);
    for (const revision of added) {
      if (peer.revisions.has(revision) || peer.revisions.size >= maxRevisions) continue;
      peer.revisions.add(revision);
      this.#holders.set(revision, [...this.candidates(revision), peer]);
    }
  }

  #unhold(peer: Peer, revision: string): void {
    const left = this.candidates(revision).filter((holder) => holder !== peer);
    if (left.length === 0) this.#holders.delete(revision);
    else this.#holders.set(revision, left);
  }

  /** A revision of this node came or went: told with the next turn of the event loop, with whatever else changed in this one. */
  #own(revision: string, { into, outOf }: { into: Set<string>; outOf: Set<string> }): void {
    if (this.#added.size + this.#dropped.size === 0) this.#options.timers.after(0, () => this.#tellRevisions());
    // One that came and went in between may be held by peers as either: the last word counts.
    outOf.delete(revision);
    into.add(revision);
  }

  #tellRevisions(): void {
    const body = [false, [...this.#added], [...this.#dropped]];
    this.#added.clear();
    this.#dropped.clear();
    if (!this.#stopped) for (const { link } of this.#peers.values()) link.tell("revisions", body);
  }

  #touch(): void {
    if (this.#cancelSettle !== undefined || this.#peers.size === 0 || this.#stopped) return;
    const ms = Math.max(settleMs, settlePerLinkMs * this.#peers.size);
    this.#cancelSettle = this.#options.timers.after(ms, () => {
      this.#cancelSettle = undefined;
      const { load } = this.#options;
      const now = load.read();
      if (this.#differs(now)) this.#tellAll();
      // Calls end without a word.
      if (now.running + now.queued > 0) this.#touch();
    });
  }

  #differs({ slots, running, queued }: Load): boolean {
    const told = this.#told;
    if (told === undefined || told.load.slots !== slots || told.draining !== this.#options.load.draining) return true;
    const before = told.load.running + told.load.queued;
    return Math.abs(running + queued - before) >= Math.max(1, before / 4);
  }

  #tellAll(): void {
    const { load } = this.#options;
    this.#told = { load: load.read(), draining: load.draining };
    for (const peer of this.#peers.values()) this.#tellStatus(peer);
  }

  #tellStatus(peer: Peer): void {
    const { slots, running, queued, runMs } = this.#options.load.read();
    peer.link.tell("status", [slots, running, queued, this.#options.load.draining, runMs ?? null, peer.received]);
  }

  #arm(ms: number): void {
    this.#cancelTick = this.#options.timers.after(ms, () => {
      const now = this.#options.clock.monotonic();
      for (const peer of this.#peers.values()) if (now - peer.heardAt > silentMs) peer.fresh = false;
      this.#tellAll();
      this.#arm(tickMs);
    });
  }
}

function decodeStatus(body: unknown): Status | undefined {
  if (!Array.isArray(body) || body.length !== 6) return undefined;
  const [slots, running, queued, draining, runMs, seen] = body as unknown[];
  if (!isCount(slots) || slots === 0 || !isCount(running) || !isCount(queued) || !isCount(seen)) return undefined;
  if (typeof draining !== "boolean" || (runMs !== null && !isMs(runMs))) return undefined;
  return { slots, running, queued, draining, runMs: runMs ?? undefined, seen };
}
