// The linked peers: when they come and go, what they tell of themselves, and when this node tells them of itself.

import { type CapacitySource, decodeCapacity, encodeCapacity } from "../../capacity/capacity.js";
import type { Clock } from "../../core/clock.js";
import type { Random, Timers } from "../../core/timers.js";
import type { From, Link, Links, Member, Members } from "../../mesh/ports.js";
import type { WorkModel } from "../learning/work-model.js";
import { PeerHistories } from "../routing/peer-history.js";
import type { OwnLoad } from "./own-load.js";
import { Peer } from "./peer.js";
import { PeerRevisions, type RevisionSource } from "./peer-revisions.js";
import { decodeReport } from "./report.js";
import { ReportNotifier } from "./report-notifier.js";

/** What {@link PeerStatuses} works with. */
export interface PeerStatusesOptions {
  readonly links: Links;
  readonly members: Pick<Members, "get" | "watch">;
  readonly load: OwnLoad;
  readonly workModel: WorkModel;
  readonly capacity: CapacitySource;
  /** How long this node's event loop was held up lately, in milliseconds. */
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
/** Health and pace are looked at so often at most. */
const lookMs = 10;
const lookPerPeerMs = 0.1;

/** The linked peers. */
export class PeerStatuses {
  readonly #options: PeerStatusesOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #revisions: PeerRevisions;
  readonly #notifier: ReportNotifier;
  readonly #histories: PeerHistories;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #ends: (() => void)[] | undefined;
  #cancelTick: (() => void) | undefined;
  #stopped = false;

  constructor(options: PeerStatusesOptions) {
    this.#options = options;
    this.#revisions = new PeerRevisions({ ...options, peers: this.#peers });
    this.#notifier = new ReportNotifier({ ...options, peers: this.#peers });
    this.#histories = new PeerHistories((speed) => options.workModel.works.forget(speed));
  }

  /** Listens and tells. Call it before the links start, since it registers handlers of theirs. */
  start(): void {
    if (this.#ends !== undefined || this.#stopped) return;
    const { links, members, capacity, random } = this.#options;
    links.handle("status", (body, from) => this.#heardStatus(body, from));
    links.handle("capacity", (body, from) => this.#heardCapacity(body, from));
    this.#revisions.start();
    this.#notifier.start();
    this.#ends = [
      links.watch({ opened: (link) => this.#opened(link), ended: (link) => this.#ended(link) }),
      members.watch((member) => this.#judge(member)),
      capacity.watch(() => {
        for (const { link } of this.#peers.values()) this.#tellCapacity(link);
      }),
    ];
    for (const link of links.all()) this.#opened(link);
    this.#arm(tickMs * random());
  }

  /** Tells no more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
    this.#revisions.stop();
    this.#notifier.stop();
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
    return this.#revisions.holders(revision);
  }

  /** Brings what changes with time up to date, for all peers and this node, when it is not. Cheap enough for each choice. */
  look(): void {
    const { clock, workModel } = this.#options;
    const now = clock.monotonic();
    if (now - this.#lookedAt < lookMs + lookPerPeerMs * this.#peers.size) return;
    this.#lookedAt = now;
    workModel.here.look(now);
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
    return this.#notifier.report(this.#peers.get(nodeId));
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
      peer = new Peer(link, this.#histories.joined(nodeId, now));
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
    this.#revisions.tellAll(link);
    this.#tellCapacity(link);
    this.#notifier.tell(peer);
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
    this.#revisions.forget(peer);
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
    if (current !== undefined) link.notify("capacity", encodeCapacity(current));
  }

  #arm(ms: number): void {
    this.#cancelTick = this.#options.timers.after(ms, () => {
      const now = this.#options.clock.monotonic();
      for (const peer of this.#peers.values()) {
        if (now - peer.heardAt <= silentMs) continue;
        peer.fresh = false;
        peer.silent = true;
      }
      this.#notifier.tellAll();
      this.#arm(tickMs);
    });
  }
}
