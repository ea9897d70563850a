// All links of a node: accepts connections, keeps one link per peer, dials wanted peers, and hands messages to
// handlers.

import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { Random, Timers } from "../../core/timers.js";
import {
  type Connection,
  type Handler,
  type Link,
  LinkBroken,
  type Links,
  type Network,
  type PeerIdentity,
  type Refusal,
  type Trust,
} from "../ports.js";
import { Channel } from "./channel.js";
import { type ChannelContext, type ChannelLimits, channelLimits } from "./channel-context.js";
import { Dialler } from "./dialler.js";
import { isBetter } from "./duplicate-links.js";
import { DuplicateDetector, type DuplicateDetectorOptions, isLater } from "./duplicate-process-detector.js";
import type { OwnHello } from "./hello.js";
import { PeerLink } from "./link.js";

/**
 * Connections to one peer at a time: the present one, a replaced one whose requests are pending, and a new dial of each
 * side.
 */
const perPeerLimit = 4;
/** Connections in their handshake at a time, of all peers together. More lets a flood verify more signatures here. */
const handshakeLimit = 256;
/** A link that lasted this long, ms, was a success: the backoff of the next dial starts anew. */
const settledMs = 10_000;
/**
 * A connection is replaced this long before a certificate of it ends, ms, but not in the first quarter of its life.
 * Earlier leaves more time for dials that fail, and costs more handshakes.
 */
const renewBeforeMs = 600_000;
const duplicateReason = "another process with this identity runs, and began later";
/** The longest wait of one timer, ms; a longer one is made of several. */
const timerLimitMs = 86_400_000;

/** What links are made of. */
export interface LinkSetOptions {
  readonly nodeId: string;
  /** Names this process: 16 to 64 hex digits, random. */
  readonly instance: string;
  /** When this process began, epoch ms. */
  readonly started?: number;
  readonly network: Network;
  readonly trust: Trust;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** What this node announces of itself; read at each handshake. */
  readonly hello: () => OwnHello;
  /** Takes the records of a peer's hello before the link opens; rejects to refuse the peer. */
  readonly acceptRecords: (records: readonly string[], peer: PeerIdentity) => Promise<void>;
  /** The records that prove to a peer why it is refused: at most 8; default none. */
  readonly revocationProof?: (peer: PeerIdentity) => readonly string[];
  /** Receives each handshake in which this node refused the peer, or the peer this node. */
  readonly refused?: (refusal: Refusal) => void;
  /** Receives how far the clock of a peer is ahead of ours, in ms, by the time in the peer's hello. */
  readonly clockSkew?: (peer: PeerIdentity, skewMs: number) => void;
  /**
   * Tells a duplicate process, a second one with the same identity, from a restarted one. Without it a new process
   * always takes the place of the one before.
   */
  readonly duplicates?: DuplicateDetectorOptions;
  readonly log?: Logger;
  readonly limits?: Partial<ChannelLimits>;
}

type Watcher = Parameters<Links["watch"]>[0];

/** The links of a node over any network. */
export class LinkSet implements Links {
  readonly #options: LinkSetOptions;
  readonly #context: ChannelContext;
  readonly #handlers = new Map<string, Handler>();
  readonly #watchers = new Set<Watcher>();
  readonly #links = new Map<string, PeerLink>();
  /** Every connection that has not ended, by peer. */
  readonly #channels = new Map<string, Set<Channel>>();
  /**
   * By peer: how often all connections to it were lost; the generation and instance that it sent for the present link.
   */
  readonly #losses = new Map<string, number>();
  readonly #announced = new Map<string, { readonly generation: number; readonly instance: string }>();
  /** Dials whose channel has not opened yet. */
  readonly #waiting = new Map<Channel, { resolve: (link: Link) => void; reject: (error: Error) => void }>();
  readonly #dialler: Dialler;
  readonly #duplicates: DuplicateDetector | undefined;
  readonly #inHandshake = new Set<Channel>();
  /** Cancels the timer that renews a connection. */
  readonly #renewals = new Map<Channel, () => void>();
  #dials = 0;
  #starting: Promise<number> | undefined;
  #stopped = false;

  constructor(options: LinkSetOptions) {
    this.#options = options;
    const { nodeId, instance, trust, clock, timers, random, hello, acceptRecords, log, limits } = options;
    const {
      revocationProof = () => [],
      started = clock.now(),
      refused = () => undefined,
      clockSkew = () => undefined,
    } = options;
    this.#duplicates = options.duplicates && new DuplicateDetector(options.duplicates);
    this.#context = {
      nodeId,
      instance,
      started,
      trust,
      clock,
      timers,
      random,
      hello,
      acceptRecords,
      revocationProof,
      refused,
      clockSkew,
      log,
      limits: { ...channelLimits, ...limits },
      handlers: this.#handlers,
      generation: (peer) => this.#losses.get(peer) ?? 0,
    };
    this.#dialler = new Dialler({
      dial: (wanted, address, signal) => this.#dial(address, { signal, wanted }),
      isLinked: (peer) => this.#links.has(peer),
      timers,
      random,
    });
  }

  /** Listens and begins to dial; resolves to the bound port. Idempotent. */
  start(): Promise<number> {
    this.#starting ??= this.#options.network
      .listen((connection) => this.#accept(connection))
      .then((port) => {
        if (!this.#stopped) this.#dialler.start();
        return port;
      });
    return this.#starting;
  }

  /** Ends all links and the listener. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#dialler.stop();
    await this.#starting?.catch(() => undefined);
    for (const channels of [...this.#channels.values()])
      for (const channel of [...channels]) channel.end("the node stops");
    await this.#options.network.close();
  }

  get(nodeId: string): Link | undefined {
    return this.#links.get(nodeId);
  }

  all(): readonly Link[] {
    return [...this.#links.values()];
  }

  handle(kind: string, handler: Handler): void {
    if (this.#handlers.has(kind)) throw new TypeError(`${kind} has a handler`);
    this.#handlers.set(kind, handler);
  }

  watch(events: Watcher): () => void {
    this.#watchers.add(events);
    return () => this.#watchers.delete(events);
  }

  want(nodeId: string, address: string): void {
    if (nodeId !== this.#options.nodeId && !this.#stopped) this.#dialler.want(nodeId, address);
  }

  unwant(nodeId: string): void {
    this.#dialler.unwant(nodeId);
  }

  dial(address: string, signal: AbortSignal): Promise<Link> {
    return this.#dial(address, { signal, wanted: undefined });
  }

  cut(nodeId: string, reason: string): void {
    for (const channel of [...(this.#channels.get(nodeId) ?? [])]) channel.end(reason, { abrupt: true });
  }

  /** Dials, checks that the wanted node answers, when one is wanted, and completes the handshake. */
  async #dial(address: string, options: { signal: AbortSignal; wanted: string | undefined }): Promise<Link> {
    const { signal, wanted } = options;
    const dial = ++this.#dials;
    const connection = await this.#options.network.dial(address, signal);
    const stranger = wanted !== undefined && connection.peer.nodeId !== wanted;
    if (stranger || signal.aborted || this.#stopped) {
      connection.close("not wanted", { abrupt: true });
      throw new LinkBroken(stranger ? `another node answers at ${address}` : "the dial was given up");
    }
    return new Promise((resolve, reject) => {
      const channel = this.#channel(connection, { address, dial });
      this.#waiting.set(channel, { resolve, reject });
      this.#begin(channel);
    });
  }

  #accept(connection: Connection): void {
    if (this.#stopped) connection.close("the node stops", { abrupt: true });
    else this.#begin(this.#channel(connection));
  }

  #channel(connection: Connection, dialled?: { address: string; dial: number }): Channel {
    const events = {
      opened: (channel: Channel) => this.#opened(channel),
      ended: (channel: Channel, reason: string) => this.#ended(channel, reason),
    };
    return new Channel(connection, { context: this.#context, events, ...(dialled && { dialled }) });
  }

  #begin(channel: Channel): void {
    const { nodeId } = channel.peer;
    const channels = this.#channels.get(nodeId) ?? new Set();
    this.#channels.set(nodeId, channels.add(channel));
    this.#inHandshake.add(channel);
    channel.start();
    if (channels.size > perPeerLimit || this.#inHandshake.size > handshakeLimit) channel.end("too many connections");
  }

  /** `alone`: no other process of the peer lives. */
  #opened(channel: Channel, alone = false): void {
    this.#inHandshake.delete(channel);
    const { nodeId } = channel.peer;
    const { own, peer: generation = 0 } = channel.generations;
    const announced = this.#announced.get(nodeId);
    const { instance } = channel.hello;
    const isOutdated = announced?.instance === instance && generation < announced.generation;
    if (own !== this.#context.generation(nodeId) || isOutdated) {
      // One side lost its link during this handshake: what the handshake settled no longer holds.
      channel.end("the link was lost in between");
      return;
    }
    const present = this.#links.get(nodeId);
    const isOtherProcess = present !== undefined && announced !== undefined && announced.instance !== instance;
    if (isOtherProcess && !alone && this.#duplicates !== undefined && !isLater(channel.hello, present.channel.hello)) {
      void this.#judge(channel, { present: present.channel, detector: this.#duplicates });
      return;
    }
    const isContinued = announced?.instance === instance && announced.generation === generation;
    this.#announced.set(nodeId, { generation, instance });
    if (present !== undefined && isContinued) this.#arbitrate(channel, present);
    else this.#linkAnew(channel, present);
    this.#waiting.get(channel)?.resolve(channel.link as Link);
    this.#waiting.delete(channel);
    this.#watchRenewal(channel);
  }

  /** A second connection of a link: both sides keep the same one. */
  #arbitrate(channel: Channel, link: PeerLink): void {
    if (isBetter(channel, link.channel)) {
      link.replace(channel);
    } else {
      channel.link = link;
      channel.leave();
    }
  }

  /** The first connection of a link. The peer has no other, so a `stale` link exists on this side only. */
  #linkAnew(channel: Channel, stale: PeerLink | undefined): void {
    const { nodeId } = channel.peer;
    const link = new PeerLink(channel, this.#options.clock.monotonic());
    if (stale !== undefined) {
      this.#links.delete(nodeId);
      // Counts as no loss of ours: the peer lost the link, and knows.
      for (const other of [...(this.#channels.get(nodeId) ?? [])]) {
        if (other === channel || !other.isOpen) continue;
        if (other !== stale.channel || this.#duplicates === undefined) other.end("the peer lost it");
        else void this.#replace(other, { channel, detector: this.#duplicates });
      }
      this.#announceEnd(stale, "the peer lost it");
    }
    this.#links.set(nodeId, link);
    for (const watcher of [...this.#watchers]) watcher.opened?.(link);
  }

  /**
   * A later process of the peer has taken over the link. The former process is mostly gone; if it lives, both receive a
   * proof of the other before the former is disconnected.
   */
  async #replace(
    former: Channel,
    { channel, detector }: { channel: Channel; detector: DuplicateDetector },
  ): Promise<void> {
    const isNew = former.hello.instance !== channel.hello.instance;
    former.end(isNew && (await detector.confirm(former, channel)) ? duplicateReason : "the peer lost it");
  }

  /** An earlier process connects while a later one has the link: it gets no link unless the later process is gone. */
  async #judge(
    channel: Channel,
    { present, detector }: { present: Channel; detector: DuplicateDetector },
  ): Promise<void> {
    if (await detector.confirm(present, channel)) channel.end(duplicateReason);
    else if (channel.isOpen) this.#opened(channel, true);
  }

  #ended(channel: Channel, reason: string): void {
    const { nodeId } = channel.peer;
    const channels = this.#channels.get(nodeId);
    channels?.delete(channel);
    if (channels?.size === 0) this.#channels.delete(nodeId);
    this.#inHandshake.delete(channel);
    this.#renewals.get(channel)?.();
    this.#renewals.delete(channel);
    this.#waiting.get(channel)?.reject(new LinkBroken(`no link: ${reason}`));
    this.#waiting.delete(channel);
    const link = this.#links.get(nodeId);
    if (link === undefined || channel.link !== link) return;
    // A broken connection loses what was on its way. A link that loses a message has ended, also when it has another
    // connection.
    if (link.channel !== channel && channel.isDrained) return;
    this.#links.delete(nodeId);
    this.#losses.set(nodeId, this.#context.generation(nodeId) + 1);
    for (const other of [...(channels ?? [])]) if (other.isOpen) other.end(reason);
    this.#announceEnd(link, reason);
    this.#dialler.lost(nodeId, this.#options.clock.monotonic() - link.openedAt >= settledMs);
  }

  #announceEnd(link: PeerLink, reason: string): void {
    this.#options.log?.debug(`the link to ${link.peer.nodeId} ended: ${reason}`);
    for (const watcher of [...this.#watchers]) watcher.ended?.(link, reason);
  }

  /**
   * Dials again before a certificate of this connection ends, so that the link continues with a renewed certificate.
   */
  #watchRenewal(channel: Channel): void {
    const address = channel.dialledTo;
    if (address === undefined) return;
    const rest = channel.validUntil - this.#options.clock.now();
    const wait = Math.max(rest - renewBeforeMs, rest / 4, 1_000);
    const cancel = this.#options.timers.after(Math.min(wait, timerLimitMs), () => {
      this.#renewals.delete(channel);
      if (wait > timerLimitMs) this.#watchRenewal(channel);
      else this.#renew(channel, address);
    });
    this.#renewals.set(channel, cancel);
  }

  #renew(channel: Channel, address: string): void {
    const { nodeId } = channel.peer;
    if (this.#stopped || this.#links.get(nodeId)?.channel !== channel) return;
    const { signal } = new AbortController();
    this.#dial(this.#dialler.addressOf(nodeId) ?? address, { signal, wanted: nodeId }).catch(() => {
      if (channel.isOpen) this.#watchRenewal(channel);
    });
  }
}
