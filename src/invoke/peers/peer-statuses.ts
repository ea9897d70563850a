// The linked peers: when they come and go, the reports that they send, and when this node sends its own.

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

/** Dependencies of {@link PeerStatuses}. */
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

/** A report is sent at least this often, in milliseconds; silent peers are detected at the same time. */
const tickMs = 900;
/** A peer from which nothing was received for this many milliseconds gets no calls. */
const silentMs = 3_000;
/** Health and pace are refreshed at most this often, in milliseconds; less often the more peers there are. */
const refreshMs = 10;
const refreshPerPeerMs = 0.1;

/** The linked peers. */
export class PeerStatuses {
  readonly #options: PeerStatusesOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #revisions: PeerRevisions;
  readonly #notifier: ReportNotifier;
  readonly #histories: PeerHistories;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #ends: (() => void)[] | undefined;
  #cancelTick: (() => void) | undefined;
  #stopped = false;

  constructor(options: PeerStatusesOptions) {
    this.#options = options;
    this.#revisions = new PeerRevisions({ ...options, peers: this.#peers });
    this.#notifier = new ReportNotifier({ ...options, peers: this.#peers });
    this.#histories = new PeerHistories((speed) => options.workModel.works.forget(speed));
  }

  /** Registers handlers and starts to send reports. To be called before the links start. */
  start(): void {
    if (this.#ends !== undefined || this.#stopped) return;
    const { links, members, capacity, random } = this.#options;
    links.handle("status", (body, from) => this.#receiveStatus(body, from));
    links.handle("capacity", (body, from) => this.#receiveCapacity(body, from));
    this.#revisions.start();
    this.#notifier.start();
    this.#ends = [
      links.watch({ opened: (link) => this.#opened(link), ended: (link) => this.#ended(link) }),
      members.watch((member) => this.#judge(member)),
      capacity.watch(() => {
        for (const { link } of this.#peers.values()) this.#sendCapacity(link);
      }),
    ];
    for (const link of links.all()) this.#opened(link);
    // Jitter: nodes that start together report at different times.
    this.#arm(tickMs * random());
  }

  /** Ends all notifications. */
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

  /** The linked peer with that id. */
  get(nodeId: string): Peer | undefined {
    return this.#peers.get(nodeId);
  }

  /**
   * The linked peers that hold a revision, including those that are not usable now. The returned list never changes.
   */
  candidates(revision: string): readonly Peer[] {
    return this.#revisions.holders(revision);
  }

  /**
   * Refreshes what changes with time, for all peers and this node, when that is due. Cheap enough to call for each
   * choice.
   */
  refresh(): void {
    const { clock, workModel } = this.#options;
    const now = clock.monotonic();
    if (now - this.#refreshedAt < refreshMs + refreshPerPeerMs * this.#peers.size) return;
    this.#refreshedAt = now;
    workModel.here.refresh(now);
    for (const peer of this.#peers.values()) peer.refresh(now);
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

  /** The report that is piggybacked on a result for that node. */
  report(nodeId: string): unknown[] {
    return this.#notifier.report(this.#peers.get(nodeId));
  }

  /** Takes a report that came over a link. A malformed or old report changes nothing. */
  receiveReport(peer: Peer, { link, report }: { link: Link; report: unknown }): void {
    // A report of an older link is ignored: both ends count anew for each link. Several results carry the same report.
    if (peer.link !== link || peer.hasReport(report)) return;
    const decoded = decodeReport(report);
    if (decoded === undefined || !peer.update(decoded)) return;
    peer.reportedAt = this.#options.clock.monotonic();
    peer.fresh = true;
    peer.silent = false;
  }

  #opened(link: Link): void {
    const { nodeId } = link.peer;
    let peer = this.#peers.get(nodeId);
    if (peer === undefined) {
      const now = this.#options.clock.monotonic();
      peer = new Peer(link, this.#histories.joined(nodeId, now));
      peer.refresh(now);
      peer.reportedAt = now;
      this.#peers.set(nodeId, peer);
      const member = this.#options.members.get(nodeId);
      if (member !== undefined) this.#judge(member);
    } else if (peer.link === link) {
      return;
    } else {
      peer.adopt(link);
    }
    this.#revisions.sendAll(link);
    this.#sendCapacity(link);
    this.#notifier.send(peer);
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
    // Calls that still wait for the peer's results read these flags.
    peer.fresh = false;
    peer.silent = true;
  }

  /** Only peers that membership counts as alive get calls. The link of an unknown member proves that it is alive. */
  #judge({ id, state }: Member): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) peer.alive = state === "alive";
  }

  #receiveStatus(body: unknown, { peer: { nodeId }, link }: From): void {
    const peer = this.#peers.get(nodeId);
    if (peer !== undefined) this.receiveReport(peer, { link, report: body });
  }

  #receiveCapacity(body: unknown, { peer: { nodeId }, link }: From): void {
    const peer = this.#peers.get(nodeId);
    const capacity = decodeCapacity(body);
    if (peer?.link === link && capacity !== undefined) peer.capacity = capacity;
  }

  #sendCapacity(link: Link): void {
    const { current } = this.#options.capacity;
    if (current !== undefined) link.notify("capacity", encodeCapacity(current));
  }

  #arm(ms: number): void {
    this.#cancelTick = this.#options.timers.after(ms, () => {
      const now = this.#options.clock.monotonic();
      for (const peer of this.#peers.values()) {
        if (now - peer.reportedAt <= silentMs) continue;
        peer.fresh = false;
        peer.silent = true;
      }
      this.#notifier.sendAll();
      this.#arm(tickMs);
    });
  }
}
