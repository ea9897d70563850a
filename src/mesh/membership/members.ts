// Membership: SWIM (Das, Gupta, Motivala 2002) with Lifeguard's extensions, over the links of the mesh.

import type { Clock } from "../../core/clock.js";
import type { DoorKind } from "../../core/door-kind.js";
import type { Logger } from "../../core/log.js";
import type { Signer } from "../../core/signed.js";
import type { Random, Timers } from "../../core/timers.js";
import type { Link, Links, Member, Members } from "../ports.js";
import { sample } from "../sample.js";
import { Ticker } from "../ticker.js";
import { Awareness } from "./awareness.js";
import { BroadcastQueue } from "./broadcast-queue.js";
import { Gossip } from "./gossip.js";
import type { AnnouncedState, Update } from "./member-messages.js";
import { MemberSelf } from "./member-self.js";
import { MemberSync } from "./member-sync.js";
import { isPresent, MemberTable } from "./member-table.js";
import type { MemberTrust } from "./member-trust.js";
import { defaultMembersConfig, type MembersConfig } from "./members-config.js";
import { Prober } from "./probe.js";
import { type KnownAddress, Reconnector } from "./reconnector.js";

/** What a {@link Membership} is built from. */
export interface MembershipOptions {
  readonly mesh: string;
  /** Signs what this node announces of itself. */
  readonly signer: Signer;
  /** Where peers dial this node (`HOST:PORT`), undefined when it can only dial out; and its HTTPS address. */
  readonly address: string | undefined;
  readonly url: string;
  /** Whether this node runs in a container. */
  readonly contained?: boolean | undefined;
  /** The front door of the node's public port. */
  readonly door?: DoorKind | undefined;
  readonly links: Links;
  readonly trust: MemberTrust;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log?: Logger;
  /** A node's name for log lines; by default its id. */
  readonly nameOf?: (nodeId: string) => string;
  /** The longest delay of the event loop since the last call, in ms. */
  readonly loopDelayMs?: () => number;
  readonly masters?: () => readonly KnownAddress[];
  /** The addresses that `remember` received in this node's last process; and those of the configuration. */
  readonly remembered?: readonly KnownAddress[];
  readonly seeds?: () => readonly string[];
  /** Receives, after changes, the addresses to dial after a restart. */
  readonly remember?: (addresses: readonly KnownAddress[]) => void;
  readonly config?: Partial<MembersConfig>;
}

/** Addresses that are remembered for a restart; changes within {@link rememberAfterMs} share a write. */
const maxRemembered = 100;
const rememberAfterMs = 200;
/** How long a leaving node waits for its peers' answers, ms. */
const leaveTimeoutMs = 500;
/**
 * Between two comparisons after a probe with another digest, ms. While many members change, digests differ all the
 * time; longer costs less then, and converges later.
 */
const convergeIntervalMs = 1_500;

/** Keeps the list of members, keeps links to members that can be dialled, and reconnects when all links are lost. */
export class Membership implements Members {
  readonly #options: MembershipOptions;
  readonly #table: MemberTable;
  readonly #self: MemberSelf;
  readonly #gossip: Gossip;
  readonly #prober: Prober;
  readonly #sync: MemberSync;
  readonly #reconnector: Reconnector;
  readonly #awareness: Awareness;
  readonly #tickers: readonly Ticker[];
  readonly #listeners = new Set<(member: Member, before: Member | undefined) => void>();
  #unwatch: (() => void) | undefined;
  #cancelRemember: (() => void) | undefined;
  #convergedAt = Number.NEGATIVE_INFINITY;

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { mesh, signer, address, url, contained, door, links, trust, clock, timers, random, log } = options;
    const config = { ...defaultMembersConfig, ...options.config };
    const queue = new BroadcastQueue<Update>();
    const self = new MemberSelf({ mesh, signer, address, url, contained, door, clock });
    const table = new MemberTable({
      config,
      clock,
      timers,
      self: self.id,
      spread: (node, update) => queue.add(node, update, { by: update[0] === "suspect" ? update[3] : undefined }),
      changed: (member, before) => this.#changed(member, before),
      linked: (node) => links.get(node) !== undefined,
    });
    const awareness = new Awareness(config.awarenessMaxMultiplier);
    const gossip = new Gossip({ mesh, config, links, table, self, trust, queue, clock, timers, random });
    const loopDelayMs = options.loopDelayMs ?? (() => 0);
    this.#prober = new Prober({
      config,
      links,
      table,
      self,
      gossip,
      awareness,
      clock,
      timers,
      random,
      loopDelayMs,
      differs: (link) => this.#converge(link),
    });
    this.#sync = new MemberSync({ links, table, self, gossip });
    this.#reconnector = new Reconnector({
      config,
      links,
      table,
      trust,
      clock,
      timers,
      random,
      self: self.id,
      masters: options.masters ?? (() => []),
      remembered: options.remembered ?? [],
      seeds: options.seeds ?? (() => []),
    });
    this.#table = table;
    this.#self = self;
    this.#gossip = gossip;
    this.#awareness = awareness;
    links.handle("members", (body, from) => gossip.receive(body, from.peer.nodeId));
    const ticker = (name: string, intervalMs: () => number, run: () => void | Promise<void>): Ticker =>
      new Ticker({ name, intervalMs, run, clock, timers, random, log });
    this.#tickers = [
      ticker(
        "probe",
        () => awareness.scale(config.probeIntervalMs),
        () => this.#probe(),
      ),
      ticker(
        "gossip",
        () => config.gossipIntervalMs,
        () => gossip.round(),
      ),
      ticker(
        "full comparison",
        () => config.pushPullIntervalMs,
        () => this.#compare(),
      ),
      ticker(
        "reconnection",
        () => config.reconnectIntervalMs,
        () => this.#reconnect(),
      ),
    ];
  }

  /** Starts to probe, gossip, compare and reconnect. Idempotent; to be called before links open. */
  start(): void {
    this.#unwatch ??= this.#options.links.watch({
      opened: (link) => this.#opened(link),
      ended: (link) => this.#prober.hint(link.peer.nodeId),
    });
    for (const ticker of this.#tickers) ticker.start();
  }

  /** Stops all of that, without a message to peers. Idempotent. */
  stop(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    for (const ticker of this.#tickers) ticker.stop();
    this.#prober.stop();
    this.#gossip.stop();
    this.#reconnector.stop();
    this.#table.stop();
    this.#cancelRemember?.();
    this.#cancelRemember = undefined;
  }

  all(): readonly Member[] {
    return this.#table.all();
  }

  get(nodeId: string): Member | undefined {
    return this.#table.get(nodeId);
  }

  /** This node as other members see it. */
  get self(): Member {
    const { id, state, incarnation } = this.#self;
    const { address, url, contained, door } = this.#options;
    return { id, state, incarnation, address, url, contained, door };
  }

  /** This node's own health score, 0 for healthy (Lifeguard's local health multiplier). */
  get healthScore(): number {
    return this.#awareness.score;
  }

  watch(changed: (member: Member, before: Member | undefined) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Announces that this node drains, sleeps, or is alive again. After {@link leave} it does nothing. */
  setState(state: Exclude<AnnouncedState, "left">): void {
    if (this.#self.state === state || this.#self.state === "left") return;
    this.#self.announce(state);
    this.#gossip.announceSelf();
  }

  /** Announces that this node leaves; resolves when all linked peers answered, or after half a second. */
  async leave(): Promise<void> {
    if (this.#self.state !== "left") this.#self.announce("left");
    const ping = this.#prober.ping([["announce", this.#self.text]]);
    const links = this.#options.links.all();
    await Promise.allSettled(links.map((link) => link.request("ping", ping, { timeoutMs: leaveTimeoutMs })));
  }

  /** Removes a revoked node from the members and ends its link at once. */
  revoked(nodeId: string): void {
    this.#table.forget(nodeId);
    this.#options.links.unwant(nodeId);
    this.#options.links.cut(nodeId, "revoked");
  }

  #opened(link: Link): void {
    this.#prober.opened(link);
    // One side compares, and both learn as much from it. A peer that is dead here receives that, and refutes.
    if (this.#self.id < link.peer.nodeId) void this.#sync.with(link);
  }

  #probe(): Promise<void> {
    this.#table.reclaim();
    for (const { id } of this.#table.all()) if (this.#options.trust.isRevoked(id)) this.revoked(id);
    return this.#prober.round();
  }

  async #compare(): Promise<void> {
    const { links, random } = this.#options;
    const [link] = sample(links.all(), { count: 1, random });
    if (link !== undefined) await this.#sync.with(link);
  }

  /** Gossip reaches a node only with high probability: an update that it missed is found here within a few probes. */
  #converge(link: Link): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#convergedAt < convergeIntervalMs) return;
    this.#convergedAt = now;
    void this.#sync.with(link);
  }

  #reconnect(): void {
    // A member that counts as dead while its link is open receives that by a comparison, and refutes.
    for (const { id, state } of this.#table.all()) {
      const link = state === "dead" ? this.#options.links.get(id) : undefined;
      if (link !== undefined) void this.#sync.with(link);
    }
    this.#reconnector.round();
  }

  #changed(member: Member, before: Member | undefined): void {
    const { links, log } = this.#options;
    if (isPresent(member.state) && member.address !== undefined) links.want(member.id, member.address);
    else links.unwant(member.id);
    if (member.state !== before?.state) {
      const write = member.state === "dead" || member.state === "suspect" ? log?.warn : log?.info;
      write?.(`${this.#options.nameOf?.(member.id) ?? member.id} is ${member.state}`, {
        member: member.id,
        state: member.state,
        before: before?.state,
        repeat: member.id,
      });
    }
    this.#rememberSoon();
    for (const listener of [...this.#listeners]) listener(member, before);
  }

  #rememberSoon(): void {
    const { remember, timers } = this.#options;
    if (remember === undefined || this.#unwatch === undefined) return;
    this.#cancelRemember ??= timers.after(rememberAfterMs, () => {
      this.#cancelRemember = undefined;
      const present = this.#table.all().filter(({ state }) => isPresent(state));
      const addresses = present.flatMap(({ id, address }) => (address === undefined ? [] : [{ id, address }]));
      // With no member left, the addresses of the members before are kept.
      if (addresses.length > 0) remember(addresses.slice(0, maxRemembered));
    });
  }
}
