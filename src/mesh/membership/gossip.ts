// News about members: heard from peers, judged, believed, and passed on with probes and on its own.

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

/** News per message: few beside a probe, more in a message of its own. */
const perProbe = 16;
const perMessage = 64;
/** Announcements of nodes whose admission has not come yet; the oldest goes first. */
const maxEarly = 256;
/** Refutations of this node a second: suspicion lasts seconds, so more would only help whoever floods it with accusations. */
const refuteIntervalMs = 500;

/** Hears, judges and spreads {@link Update}s. */
export class Gossip {
  readonly #options: GossipOptions;
  readonly #early = new Map<string, string>();
  /** Signatures that did not verify, by the peer that sent them; announcements, by the node that made them. */
  readonly #bad: TokenBuckets;
  readonly #announced: TokenBuckets;
  #refutedAt = Number.NEGATIVE_INFINITY;
  #cancelRefutation: (() => void) | undefined;

  constructor(options: GossipOptions) {
    this.#options = options;
    this.#bad = new TokenBuckets({ clock: options.clock, burst: 50, perSecond: 5 });
    this.#announced = new TokenBuckets({ clock: options.clock, burst: 20, perSecond: 4 });
  }

  /** News to go beside a probe or its answer to a node; an accusation of that very node comes first, so that it can refute. */
  piggyback(node: string): Update[] {
    const accusation = this.#accusation(node);
    const news = this.#options.queue.take(perProbe, this.#limit());
    return accusation === undefined ? news : [accusation, ...news.filter(([, subject]) => subject !== node)];
  }

  /** One round: news to a few linked nodes at random. */
  round(): void {
    this.#retryEarly();
    const { queue, links, config, random } = this.#options;
    if (queue.empty) return;
    for (const link of sample(links.all(), { count: config.gossipNodes, random })) {
      const news = queue.take(perMessage, this.#limit());
      if (news.length === 0) return;
      link.notify("members", news);
    }
  }

  /** Takes a message of news from a peer. Throws `request.malformed` when it is none. */
  receive(body: unknown, peer: string): void {
    const { self, links } = this.#options;
    let outdated = false;
    for (const update of decodeUpdates(body)) {
      if (update[0] === "announce") this.receiveAnnouncement(update[1], peer);
      else this.receiveAccusation(update, peer);
      outdated ||= update[0] !== "announce" && update[1] === self.id && update[2] < self.incarnation;
    }
    if (outdated) links.get(peer)?.notify("members", [["announce", self.text]]);
  }

  /** Takes a node's announcement, whoever brought it. */
  receiveAnnouncement(text: string, peer: string): void {
    const { table, self, trust, mesh } = this.#options;
    const said = decodeAnnouncement(mesh, text);
    if (said === undefined || trust.isRevoked(said.node)) return;
    if (said.node === self.id) this.#receiveOwnAnnouncement(said, peer);
    else if (!table.isNews(said)) return;
    else if (!trust.known(said.node)) this.#keepEarly(said);
    // One that announces itself without end is heard now and then.
    else if (this.#announced.has(said.node) && this.#verified(said, peer)) {
      this.#announced.take(said.node);
      table.announce(said);
    }
  }

  /** Takes what somebody found of a member, this node among them. */
  receiveAccusation(
    [type, node, incarnation, from]: Exclude<Update, readonly ["announce", string]>,
    peer: string,
  ): void {
    const { table, self, trust } = this.#options;
    if (trust.isRevoked(from) || (from !== self.id && !trust.known(from))) return;
    if (node === self.id) {
      if (incarnation === self.incarnation && self.state !== "left") this.#refute();
      return;
    }
    const before = table.get(node)?.state;
    if (type === "suspect") table.suspect(node, incarnation, { from });
    else table.dead(node, incarnation, { from });
    // Told at once to the one it is about, which can then refute before others act on it.
    const accusation = before !== "suspect" && node !== peer ? this.#accusation(node) : undefined;
    if (accusation !== undefined) this.#options.links.get(node)?.notify("members", [accusation]);
  }

  /** Announces this node's state to all linked peers and beyond. */
  announceSelf(): void {
    const { links, self, queue } = this.#options;
    queue.add(self.id, ["announce", self.text]);
    for (const link of links.all()) link.notify("members", [["announce", self.text]]);
  }

  stop(): void {
    this.#cancelRefutation?.();
    this.#cancelRefutation = undefined;
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

  /** An announcement of an older self of this node that outlived it, as after the clock was set back. */
  #receiveOwnAnnouncement(said: Announcement, peer: string): void {
    const { self } = this.#options;
    if (said.incarnation < self.incarnation || said.text === self.text || !this.#verified(said, peer)) return;
    self.announce(self.state, said.incarnation);
    this.announceSelf();
  }

  #refute(): void {
    const { clock, timers, self } = this.#options;
    if (this.#cancelRefutation !== undefined) return;
    const refute = (): void => {
      this.#cancelRefutation = undefined;
      this.#refutedAt = clock.monotonic();
      self.announce(self.state);
      this.announceSelf();
    };
    const waitMs = this.#refutedAt + refuteIntervalMs - clock.monotonic();
    if (waitMs <= 0) refute();
    else this.#cancelRefutation = timers.after(waitMs, refute);
  }

  #verified(said: Announcement, peer: string): boolean {
    if (!this.#bad.has(peer)) return false;
    if (this.#options.trust.verify(said.signed)) return true;
    this.#bad.take(peer);
    return false;
  }

  #keepEarly({ node, text }: Announcement): void {
    this.#early.delete(node);
    this.#early.set(node, text);
    if (this.#early.size <= maxEarly) return;
    const [oldest] = this.#early.keys();
    if (oldest !== undefined) this.#early.delete(oldest);
  }

  #retryEarly(): void {
    const { trust } = this.#options;
    for (const [node, text] of this.#early) {
      if (!trust.known(node)) continue;
      this.#early.delete(node);
      this.receiveAnnouncement(text, node);
    }
  }
}
