// What linked peers tell of themselves: how busy they are and which revisions they can run; and telling them the same of this node.

import { type CapacitySource, decodeCapacity, encodeCapacity } from "../capacity/capacity.js";
import type { Clock } from "../core/clock.js";
import type { Random, Timers } from "../core/timers.js";
import type { From, Link, Links, Member, Members } from "../mesh/seams.js";
import type { OwnerState } from "../owner/allowance.js";
import { isRevision } from "./call-frame.js";
import type { Experience } from "./experience.js";
import type { OwnLoad } from "./own-load.js";
import { Peer } from "./peer.js";
import { decodeReport, encodeReport } from "./report.js";
import { Standings } from "./standings.js";

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
  readonly experience: Experience;
  readonly capacity: CapacitySource;
  /** How long this node's event loop was held up lately. */
  readonly loopDelayMs: () => number;
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
/** Health and pace are looked at so often at most. */
const lookMs = 10;
const lookPerPeerMs = 0.1;
/** Revisions of one peer that are kept; the rest is as if it did not hold them. */
const maxRevisions = 10_000;

const nobody: readonly Peer[] = [];

/** What of the load peers were last told. */
interface Told {
  readonly slots: number;
  readonly calls: number;
  readonly draining: boolean;
  readonly owner: OwnerState;
  readonly lightUnits: number;
}

/** The linked peers. */
export class PeerStatuses {
  readonly #options: PeerStatusesOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #holders = new Map<string, Peer[]>();
  readonly #standings: Standings;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #told: Told | undefined;
  #epoch = 0;
  #added = new Set<string>();
  #dropped = new Set<string>();
  #ends: (() => void)[] | undefined;
  #cancelTick: (() => void) | undefined;
  #cancelSettle: (() => void) | undefined;
  #stopped = false;

  constructor(options: PeerStatusesOptions) {
    this.#options = options;
    this.#standings = new Standings((speed) => options.experience.works.forget(speed));
  }

  /** Listens and tells. Call it before the links start, since it registers handlers of theirs. */
  start(): void {
    if (this.#ends !== undefined || this.#stopped) return;
    const { links, members, load, capacity, revisions, random } = this.#options;
    links.handle("status", (body, from) => this.#heardStatus(body, from));
    links.handle("capacity", (body, from) => this.#heardCapacity(body, from));
    links.handle("revisions", (body, from) => this.#heardRevisions(body, from));
    this.#ends = [
      links.watch({ opened: (link) => this.#opened(link), ended: (link) => this.#ended(link) }),
      members.watch((member) => this.#judge(member)),
      load.watch((urgent) => this.#touch(urgent)),
      capacity.watch(() => {
        for (const { link } of this.#peers.values()) this.#tellCapacity(link);
      }),
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

  /** Brings what changes with time up to date, for all peers and this node, when it is not. Cheap enough for each choice. */
  look(): void {
    const { clock, experience } = this.#options;
    const now = clock.monotonic();
    if (now - this.#lookedAt < lookMs + lookPerPeerMs * this.#peers.size) return;
    this.#lookedAt = now;
    experience.here.look(now);
    for (const peer of this.#peers.values()) peer.look(now);
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

  /** The report that goes with an answer to that node. */
  report(nodeId: string): unknown[] {
    return this.#report(this.#peers.get(nodeId)?.received ?? 0);
  }

  /** Takes the report that came with an answer over a link; one that is none, or old, changes nothing. */
  heard(peer: Peer, { link, report }: { link: Link; report: unknown }): void {
    // Both ends count anew for each link.
    const decoded = peer.link === link ? decodeReport(report) : undefined;
    if (decoded === undefined || !peer.update(decoded)) return;
    peer.heardAt = this.#options.clock.monotonic();
    peer.fresh = true;
    peer.silent = false;
  }

  #opened(link: Link): void {
    const { nodeId } = link.peer;
    let peer = this.#peers.get(nodeId);
    if (peer === undefined) {
      const now = this.#options.clock.monotonic();
      peer = new Peer(link, this.#standings.joined(nodeId, now));
      peer.look(now);
      peer.heardAt = now;
      this.#peers.set(nodeId, peer);
      const member = this.#options.members.get(nodeId);
      if (member !== undefined) this.#judge(member);
    } else if (peer.link === link) {
      return;
    } else {
      peer.adopt(link);
    }
    link.tell("revisions", [true, [...this.#options.revisions.revisions()].slice(0, maxRevisions), []]);
    this.#tellCapacity(link);
    link.tell("status", this.#report(peer.received));
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
    peer.silent = true;
  }

  /** Only what is alive gets calls. The link of an unknown member proves that it lives. */
  #judge({ id, state }: Member): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) peer.alive = state === "alive";
  }

  #heardStatus(body: unknown, { peer: { nodeId }, link }: From): void {
    const peer = this.#peers.get(nodeId);
    if (peer !== undefined) this.heard(peer, { link, report: body });
  }

  #heardCapacity(body: unknown, { peer: { nodeId }, link }: From): void {
    const peer = this.#peers.get(nodeId);
    const capacity = decodeCapacity(body);
    if (peer?.link === link && capacity !== undefined) peer.capacity = capacity;
  }

  #tellCapacity(link: Link): void {
    const { current } = this.#options.capacity;
    if (current !== undefined) link.tell("capacity", encodeCapacity(current));
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

  #touch(urgent: boolean): void {
    if (this.#peers.size === 0 || this.#stopped) return;
    if (urgent) this.#cancelSettle?.();
    else if (this.#cancelSettle !== undefined) return;
    // Even what is urgent waits for whoever else hears of it now, such as the sandbox.
    const ms = urgent ? 0 : Math.max(settleMs, settlePerLinkMs * this.#peers.size);
    this.#cancelSettle = this.#options.timers.after(ms, () => {
      this.#cancelSettle = undefined;
      const now = this.#now();
      if (differs(now, this.#told)) this.#tellAll();
      // Calls end without a word.
      if (now.calls > 0) this.#touch(false);
    });
  }

  #now(): Told {
    const { load } = this.#options;
    const { slots, running, queued } = load.read();
    const { state: owner, lightUnits } = load.allowance;
    return { slots, calls: running + queued, draining: load.draining, owner, lightUnits };
  }

  #tellAll(): void {
    this.#told = this.#now();
    for (const peer of this.#peers.values()) peer.link.tell("status", this.#report(peer.received));
  }

  #report(seen: number): unknown[] {
    const { load, loopDelayMs } = this.#options;
    const { slots, running, queued, runMs } = load.read();
    const { state: owner, lightUnits } = load.allowance;
    return encodeReport({
      ...{ epoch: ++this.#epoch, slots, running, queued, draining: load.draining, runMs, seen },
      ...{ loopDelayMs: loopDelayMs(), owner, lightUnits },
    });
  }

  #arm(ms: number): void {
    this.#cancelTick = this.#options.timers.after(ms, () => {
      const now = this.#options.clock.monotonic();
      for (const peer of this.#peers.values()) {
        if (now - peer.heardAt <= silentMs) continue;
        peer.fresh = false;
        peer.silent = true;
      }
      this.#tellAll();
      this.#arm(tickMs);
    });
  }
}

/** Whether peers would choose otherwise if they knew. */
function differs(now: Told, told: Told | undefined): boolean {
  if (told === undefined || told.slots !== now.slots || told.draining !== now.draining) return true;
  if (told.owner !== now.owner || told.lightUnits !== now.lightUnits) return true;
  return Math.abs(now.calls - told.calls) >= Math.max(1, told.calls / 4);
}
