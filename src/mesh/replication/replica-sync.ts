// Anti-entropy: compares records with a peer, first digests, then ids where those differ, then the texts that are
// missing. Each side pulls for itself.

import { LRUCache } from "lru-cache";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { TokenBuckets } from "../../core/token-buckets.js";
import type { From, Link, Links, RecordStore } from "../ports.js";
import { differing, digestOf, type KindDigest } from "./replica-digest.js";
import type { RecordIntake } from "./replica-intake.js";

/** What a {@link RecordSync} needs. */
export interface RecordSyncOptions {
  readonly links: Links;
  readonly stores: readonly RecordStore[];
  readonly intake: RecordIntake;
  readonly clock: Clock;
  /** A comparison brought records that are new here: other peers may lack them too. */
  readonly learned: (link: Link) => void;
  /** A comparison was complete: what the peer had, this node has or refused. */
  readonly compared: () => void;
}

const kinds = { digests: "record-digests", ids: "record-ids", texts: "records" } as const;
const timeoutMs = 10_000;
/** Bounds of one response, and of one comparison: at most `idsPerPage` × `maxPages` ids of a kind. */
const idsPerPage = 10_000;
const textsPerRequest = 500;
const textBytesPerResponse = 256 * 1024;
const maxPages = 100;
/** Requests of one peer that are answered: a whole comparison of 10,000 records takes some 60. */
const requestsPerPeer = { burst: 200, perSecond: 20 };
/** Comparisons at a time. More load the event loop with more signatures to verify. */
const maxAtOnce = 4;
/** Digests are computed again after this time, ms: a store may also change by itself, as when a record expires. */
const digestsFreshMs = 100;
/**
 * How long a peer gets no further request for an id that it offered in vain, ms, and how many of these ids are
 * remembered. Longer saves requests for records that are refused here; shorter accepts sooner what is acceptable by
 * now.
 */
const futileMs = 20_000;
const maxFutile = 20_000;

const recordIdText = /^[0-9a-f]{64}$/;

/** Pulls the records that a peer has and this node lacks, and answers peers that pull. */
export class RecordSync {
  readonly #options: RecordSyncOptions;
  readonly #budget: TokenBuckets;
  readonly #running = new Set<string>();
  readonly #next = new Map<string, Link>();
  #digests: { readonly at: number; readonly version: number; readonly own: readonly KindDigest[] } | undefined;
  /** When a record was requested of a peer (key: peer and id) in vain: refused or outdated here, or gone there. */
  readonly #futile = new LRUCache<string, number>({ max: maxFutile });
  #stopped = false;

  constructor(options: RecordSyncOptions) {
    this.#options = options;
    this.#budget = new TokenBuckets({ clock: options.clock, ...requestsPerPeer });
    const { links } = options;
    links.handle(kinds.digests, (body, from) => this.#handleDigests(body, from));
    links.handle(kinds.ids, (body, from) => this.#handleIds(body, from));
    links.handle(kinds.texts, (body, from) => this.#handleTexts(body, from));
  }

  /** Compares by digest with a peer, now or when others have ended. The peer does the same when its digests differ. */
  compare(link: Link): void {
    if (this.#stopped) return;
    const peer = link.peer.nodeId;
    if (this.#running.has(peer) || this.#running.size >= maxAtOnce) this.#next.set(peer, link);
    else void this.#run(link);
  }

  /** Compares all kinds by ids with a peer. */
  async compareIds(link: Link): Promise<void> {
    await this.#pullAll(
      link,
      this.#options.stores.map(({ kind }) => kind),
    );
  }

  /** Sends a peer this node's digests: the peer compares when its own differ. */
  hint(link: Link): void {
    link.notify(kinds.digests, this.#own());
  }

  start(): void {
    this.#stopped = false;
  }

  stop(): void {
    this.#stopped = true;
    this.#next.clear();
  }

  async #run(link: Link): Promise<void> {
    const peer = link.peer.nodeId;
    this.#running.add(peer);
    try {
      const theirs = await link.request(kinds.digests, this.#own(), { timeoutMs });
      if (await this.#pullAll(link, differing(this.#own(), theirs))) this.#options.compared();
    } catch {
      // The link broke or the peer is busy; the next comparison is seconds away.
    } finally {
      this.#running.delete(peer);
      const [next] = this.#next.values();
      if (next !== undefined && !this.#stopped) {
        this.#next.delete(next.peer.nodeId);
        this.compare(next);
      }
    }
  }

  /** Pulls the named kinds; returns whether the comparison was complete. */
  async #pullAll(link: Link, names: readonly string[]): Promise<boolean> {
    let learned = 0;
    let complete = false;
    try {
      for (const { kind } of this.#options.stores) if (names.includes(kind)) learned += await this.#pull(link, kind);
      complete = true;
    } catch {
      // The records that came before count.
    }
    if (learned > 0 && !this.#stopped) this.#options.learned(link);
    return complete;
  }

  /** Pulls what is missing of a kind; returns how many records were new. */
  async #pull(link: Link, kind: string): Promise<number> {
    const store = this.#options.intake.store(kind);
    let learned = 0;
    let after = "";
    for (let page = 0; store !== undefined && page < maxPages; page++) {
      const answer = await link.request(kinds.ids, [kind, after], { timeoutMs });
      const ids = idsOf(answer).filter((id) => id > after);
      const missing = ids.filter((id) => store.get(id) === undefined && !this.#isFutile(link, id));
      learned += await this.#fetch(link, { kind, missing });
      for (const id of missing) if (store.get(id) === undefined) this.#markFutile(link, id);
      const last = ids.at(-1);
      if (last === undefined || ids.length < idsPerPage) break;
      after = last;
    }
    return learned;
  }

  async #fetch(link: Link, { kind, missing }: { kind: string; missing: readonly string[] }): Promise<number> {
    const { intake } = this.#options;
    const peer = link.peer.nodeId;
    let learned = 0;
    let from = 0;
    while (from < missing.length && !this.#stopped && intake.isWithinLimits(peer)) {
      const answer = await link.request(kinds.texts, [kind, missing.slice(from, from + textsPerRequest)], {
        timeoutMs,
      });
      // [count of ids that the response covers, texts]: some records may be gone at the peer.
      const [done, texts] = Array.isArray(answer) ? answer : [];
      if (!Number.isSafeInteger(done) || done < 1 || !Array.isArray(texts) || texts.length > textsPerRequest) break;
      const offered = (texts as unknown[]).filter((text): text is string => typeof text === "string");
      const outcomes = await Promise.all(offered.map((text) => intake.offer(kind, { text, peer })));
      learned += outcomes.filter((outcome) => outcome === "new").length;
      from += done as number;
    }
    return learned;
  }

  #isFutile({ peer }: Link, id: string): boolean {
    const markedAt = this.#futile.peek(`${peer.nodeId} ${id}`);
    return markedAt !== undefined && this.#options.clock.monotonic() - markedAt < futileMs;
  }

  #markFutile({ peer }: Link, id: string): void {
    this.#futile.set(`${peer.nodeId} ${id}`, this.#options.clock.monotonic());
  }

  #handleDigests(body: unknown, { link }: From): unknown {
    this.#admit(link);
    const own = this.#own();
    if (differing(own, body).length > 0) this.compare(link);
    return own;
  }

  #handleIds(body: unknown, { link }: From): unknown {
    this.#admit(link);
    const [kind, after] = Array.isArray(body) ? body : [];
    const store = typeof kind === "string" ? this.#options.intake.store(kind) : undefined;
    if (store === undefined || typeof after !== "string") return [];
    const ids = [...store.ids()].filter((id) => id > after);
    return ids.sort().slice(0, idsPerPage);
  }

  #handleTexts(body: unknown, { link }: From): unknown {
    this.#admit(link);
    const [kind, ids] = Array.isArray(body) ? body : [];
    const store = typeof kind === "string" ? this.#options.intake.store(kind) : undefined;
    const texts: string[] = [];
    let bytes = 0;
    let done = 0;
    for (const id of store === undefined ? [] : idsOf(ids).slice(0, textsPerRequest)) {
      const text = store?.get(id);
      bytes += text?.length ?? 0;
      if (text !== undefined && bytes > textBytesPerResponse && texts.length > 0) break;
      done += 1;
      if (text !== undefined) texts.push(text);
    }
    return [done, texts];
  }

  /** Rate limit: a response costs this node more than the request costs the peer. */
  #admit({ peer }: Link): void {
    if (this.#budget.take(peer.nodeId)) return;
    throw new HerdError("request.throttled", "too many comparisons", { retryAfterSeconds: 1 });
  }

  /** This node's digests: computed again after each change here, and when older than {@link digestsFreshMs}. */
  #own(): readonly KindDigest[] {
    const { clock, stores, intake } = this.#options;
    const [at, { version }] = [clock.monotonic(), intake];
    const last = this.#digests;
    if (last !== undefined && last.version === version && at - last.at < digestsFreshMs) return last.own;
    const own = stores.map(digestOf);
    this.#digests = { at, version, own };
    return own;
  }
}

function idsOf(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > idsPerPage) return [];
  return value.filter((id): id is string => typeof id === "string" && recordIdText.test(id));
}
