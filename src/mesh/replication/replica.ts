// Replicates records: a new record is gossiped over all links at once, and nodes compare their records ever after.

import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import { signedLimitBytes } from "../../core/signed.js";
import type { Random, Timers } from "../../core/timers.js";
import type { From, Link, Links, RecordStore, Replica } from "../ports.js";
import { sample } from "../sample.js";
import { Ticker } from "../ticker.js";
import { type Intake, RecordIntake } from "./replica-intake.js";
import { RecordSync } from "./replica-sync.js";

/** What a {@link RecordReplica} is built from. */
export interface RecordReplicaOptions {
  readonly links: Links;
  /**
   * In order of dependency, so that a record's signer is known before it: grant, admission, revocation, …, manifest.
   */
  readonly stores: readonly RecordStore[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log?: Logger;
  /** Whether peers can dial a node. A node that only dials out has few links, and receives all records over those. */
  readonly dialable?: (nodeId: string) => boolean;
  /**
   * Between two comparisons by digest, each with a random peer; default 2,000 ms. Gossip reaches a node only with high
   * probability: shorter finds a missed record sooner, for one small message (about 40 bytes a kind) each.
   */
  readonly digestIntervalMs?: number;
  /**
   * Between two comparisons by ids, each with a random peer; default 30,000 ms. They find what equal digests of unequal
   * sets hide, for about 65 bytes a record.
   */
  readonly idsIntervalMs?: number;
  /** Lets the event loop turn while many records are judged. */
  readonly yieldLoop?: () => Promise<void>;
}

const kind = "record";
/**
 * Fan-out: linked peers to which a node passes a new record on; its publisher sends it to all of its own. More spreads
 * a record in fewer steps, and sends more copies to nodes that have it.
 */
const fanOut = 3;
/** Kinds that are passed on to all linked peers: a revocation must not wait for a comparison. */
const urgent = new Set(["revocation", "token-revocation"]);

/** Spreads records by gossip, and repairs what gossip missed by anti-entropy (Demers et al. 1987). */
export class RecordReplica implements Replica {
  readonly #options: RecordReplicaOptions;
  readonly #intake: RecordIntake;
  readonly #sync: RecordSync;
  readonly #tickers: readonly Ticker[];
  readonly #compared = new AbortController();
  #unwatch: (() => void) | undefined;

  constructor(options: RecordReplicaOptions) {
    this.#options = options;
    const { links, stores, clock, timers, random, log } = options;
    this.#intake = new RecordIntake({
      stores,
      clock,
      log,
      yieldLoop: options.yieldLoop ?? (() => new Promise((resolve) => setImmediate(resolve))),
      acceptedLate: ({ kind, text, peer }) => this.#passOn(kind, { text, peer }),
    });
    this.#sync = new RecordSync({
      links,
      stores,
      clock,
      intake: this.#intake,
      learned: (link) => this.#hint(link),
      compared: () => this.#compared.abort(),
    });
    links.handle(kind, (body, from) => this.#receive(body, from));
    const ticker = (name: string, intervalMs: number, run: () => void | Promise<void>): Ticker =>
      new Ticker({ name, intervalMs: () => intervalMs, run, clock, timers, random, log });
    this.#tickers = [
      ticker("comparison of records", options.digestIntervalMs ?? 2_000, () => this.#compare()),
      ticker("comparison of record ids", options.idsIntervalMs ?? 30_000, () => this.#compareIds()),
    ];
  }

  /**
   * Starts to compare with peers, periodically and whenever a link opens. Idempotent; to be called before links open.
   */
  start(): void {
    this.#sync.start();
    this.#unwatch ??= this.#options.links.watch({ opened: (link) => this.#sync.compare(link) });
    for (const ticker of this.#tickers) ticker.start();
  }

  /** Idempotent. */
  stop(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    for (const ticker of this.#tickers) ticker.stop();
    this.#sync.stop();
  }

  /** Aborts once a comparison with a peer was complete: this node then has what that peer had. */
  get compared(): AbortSignal {
    return this.#compared.signal;
  }

  /** Counts records from peers since the start, by their outcome. */
  get counts(): Readonly<Record<Intake, number>> {
    return this.#intake.counts;
  }

  async publish(kindOfRecord: string, text: string): Promise<void> {
    const store = this.#intake.store(kindOfRecord);
    if (store === undefined) throw new TypeError(`no store keeps records of the kind ${kindOfRecord}`);
    await this.#intake.own(store, text);
    for (const link of this.#options.links.all()) link.notify(kind, [kindOfRecord, text]);
  }

  async #receive(body: unknown, { peer }: From): Promise<void> {
    const [kindOfRecord, text] = Array.isArray(body) ? body : [];
    if (typeof kindOfRecord !== "string" || typeof text !== "string" || text.length > signedLimitBytes) return;
    const outcome = await this.#intake.offer(kindOfRecord, { text, peer: peer.nodeId });
    if (outcome === "new") this.#passOn(kindOfRecord, { text, peer: peer.nodeId });
  }

  #passOn(kindOfRecord: string, { text, peer }: { readonly text: string; readonly peer: string }): void {
    const { links, random, dialable = () => true } = this.#options;
    const others = links.all().filter((link) => link.peer.nodeId !== peer);
    const reachable = others.filter((link) => dialable(link.peer.nodeId));
    const some = sample(reachable, { count: fanOut, random });
    const to = urgent.has(kindOfRecord) ? others : [...some, ...others.filter((link) => !reachable.includes(link))];
    for (const link of to) link.notify(kind, [kindOfRecord, text]);
  }

  /** A comparison brought new records: the other peers receive a digest, and compare when they lack them. */
  #hint(from: Link): void {
    for (const link of this.#options.links.all()) {
      if (link.peer.nodeId !== from.peer.nodeId) this.#sync.hint(link);
    }
  }

  async #compare(): Promise<void> {
    const link = this.#any();
    if (link !== undefined) this.#sync.compare(link);
    if (this.#intake.waiting > 0) await this.#intake.retry();
  }

  async #compareIds(): Promise<void> {
    const link = this.#any();
    if (link !== undefined) await this.#sync.compareIds(link);
  }

  #any(): Link | undefined {
    const { links, random } = this.#options;
    return sample(links.all(), { count: 1, random })[0];
  }
}
