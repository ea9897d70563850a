// Gossip of updates about members: received from peers, judged, applied, and sent on, piggybacked on probes or on its
// own.

import { LRUCache } from "lru-cache";
import type { Clock } from "../../core/clock.js";
import type { Random, Timers } from "../../core/timers.js";
import { TokenBuckets } from "../../core/token-buckets.js";
import type { Links } from "../ports.js";
import { sample } from "../sample.js";
import { type BroadcastQueue, retransmitLimit } from "./broadcast-queue.js";
import { type Announcement, decodeAnnouncement, decodeUpdates, type Update } from "./member-messages.js";
import type { MemberSelf } from "./member-self.js";
import type { MemberTable } from "./member-table.js";
import type { MemberTrust } from "./member-trust.js";
import type { MembersConfig } from "./members-config.js";
import { Refutation } from "./refutation.js";

/** What {@link Gossip} needs. */
export interface GossipOptions {
  readonly mesh: string;
  readonly config: MembersConfig;
  readonly links: Links;
  readonly table: MemberTable;
  readonly self: MemberSelf;
  readonly trust: MemberTrust;
  readonly queue: BroadcastQueue<Update>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/**
 * Updates per message: few piggybacked on a probe, more in a message of its own. More converges sooner, in larger
 * frames.
 */
const updatesPerProbe = 16;
const updatesPerMessage = 64;
/** Announcements that are kept of nodes whose admission has not come yet; the oldest goes first. */
const maxEarly = 256;
/**
 * Signatures of one peer that may fail to verify, each 0.2 ms of CPU. Above this, announcements by way of that peer are
 * dropped unverified, until another peer or a comparison brings them. Lower costs less under a flood; higher loses less
 * by way of a peer that itself was flooded.
 */
const badSignatures = { burst: 50, perSecond: 5 };
/** Announcements of one node that are applied. Lower bounds what a node that changes without end costs its peers. */
const announcements = { burst: 20, perSecond: 4 };

/** Receives, judges and spreads {@link Update}s. */
export class Gossip {
  readonly #options: GossipOptions;
  /** Announcements of nodes whose admission has not come yet, by node. */
  readonly #early = new LRUCache<string, string>({ max: maxEarly });
  /** Rate limits: of signatures that did not verify, by the peer that sent them; of announcements, by their node. */
  readonly #bad: TokenBuckets;
  readonly #announced: TokenBuckets;
  readonly #refutation: Refutation;

  constructor(options: GossipOptions) {
    this.#options = options;
    this.#bad = new TokenBuckets({ clock: options.clock, ...badSignatures });
    this.#announced = new TokenBuckets({ clock: options.clock, ...announcements });
    this.#refutation = new Refutation({ ...options, sendAnnouncement: () => this.announceSelf() });
  }

  /**
   * Updates to piggyback on a probe of a node, or on the answer to its probe. An accusation of that very node comes
   * first, so that it can refute at once (Lifeguard's Buddy System).
   */
  piggyback(node: string): Update[] {
    const accusation = this.#accusation(node);
    const updates = this.#options.queue.take(updatesPerProbe, this.#limit());
    return accusation === undefined ? updates : [accusation, ...updates.filter(([, subject]) => subject !== node)];
  }

  /** One round: sends updates to a few linked nodes at random. */
  round(): void {
    this.#retryEarly();
    const { queue, links, config, random } = this.#options;
    if (queue.empty) return;
    for (const link of sample(links.all(), { count: config.gossipNodes, random })) {
      const updates = queue.take(updatesPerMessage, this.#limit());
      if (updates.length === 0) return;
      link.notify("members", updates);
    }
  }

  /** Takes a message of updates from a peer. Throws `request.malformed` when it is none. */
  receive(body: unknown, peer: string): void {
    const { self, links } = this.#options;
    let outdated = false;
    for (const update of decodeUpdates(body)) {
      if (update[0] === "announce") this.#receiveAnnouncement(update[1], peer);
      else this.receiveAccusation(update, peer);
      outdated ||= update[0] !== "announce" && update[1] === self.id && update[2] < self.incarnation;
    }
    if (outdated) links.get(peer)?.notify("members", [["announce", self.text]]);
  }

  /** Takes a node's announcement, from any peer. */
  #receiveAnnouncement(text: string, peer: string): void {
    const { table, self, trust, mesh } = this.#options;
    const announcement = decodeAnnouncement(mesh, text);
    if (announcement === undefined || trust.isRevoked(announcement.node)) return;
    if (announcement.node === self.id) this.#receiveOwnAnnouncement(announcement, peer);
    else if (!table.isNewer(announcement)) return;
    else if (!trust.known(announcement.node)) this.#early.set(announcement.node, announcement.text);
    // A node that announces itself without end is rate limited.
    else if (this.#announced.has(announcement.node) && this.#verified(announcement, peer)) {
      this.#announced.take(announcement.node);
      table.announce(announcement);
    }
  }

  /** Takes the finding of a node about a member, or about this node. */
  receiveAccusation(
    [type, node, incarnation, from]: Exclude<Update, readonly ["announce", string]>,
    peer: string,
  ): void {
    const { table, self, trust } = this.#options;
    if (trust.isRevoked(from) || (from !== self.id && !trust.known(from))) return;
    if (node === self.id) {
      if (incarnation === self.incarnation && self.state !== "left") this.#refutation.request();
      return;
    }
    const before = table.get(node)?.state;
    if (type === "suspect") table.suspect(node, incarnation, { from });
    else table.dead(node, incarnation, { from });
    // Sent at once to the accused node, which can refute before other nodes act on it.
    const accusation = before !== "suspect" && node !== peer ? this.#accusation(node) : undefined;
    if (accusation !== undefined) this.#options.links.get(node)?.notify("members", [accusation]);
  }

  /** Announces this node's state to all linked peers, and gossips it beyond. */
  announceSelf(): void {
    const { links, self, queue } = this.#options;
    queue.add(self.id, ["announce", self.text]);
    for (const link of links.all()) link.notify("members", [["announce", self.text]]);
  }

  stop(): void {
    this.#refutation.stop();
  }

  #limit(): number {
    return retransmitLimit(this.#options.table.size, this.#options.config.retransmitMult);
  }

  #accusation(node: string): Update | undefined {
    const { table, self } = this.#options;
    const member = table.get(node);
    if (member?.state !== "suspect" && member?.state !== "dead") return undefined;
    return [member.state, node, member.incarnation, self.id];
  }

  /**
   * Takes an announcement by a former process of this node that is newer than the present one, as after the clock was
   * set back.
   */
  #receiveOwnAnnouncement(announcement: Announcement, peer: string): void {
    const { self } = this.#options;
    if (
      announcement.incarnation < self.incarnation ||
      announcement.text === self.text ||
      !this.#verified(announcement, peer)
    )
      return;
    self.announce(self.state, announcement.incarnation);
    this.announceSelf();
  }

  #verified(announcement: Announcement, peer: string): boolean {
    if (!this.#bad.has(peer)) return false;
    if (this.#options.trust.verify(announcement.signed)) return true;
    this.#bad.take(peer);
    return false;
  }

  #retryEarly(): void {
    const { trust } = this.#options;
    for (const node of [...this.#early.rkeys()]) {
      const text = this.#early.peek(node);
      if (text === undefined || !trust.known(node)) continue;
      this.#early.delete(node);
      this.#receiveAnnouncement(text, node);
    }
  }
}
