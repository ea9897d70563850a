// The intake of records from peers: judged in the order they came, in slices of time, each peer within its rate limit.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { TokenBuckets } from "../../core/token-buckets.js";
import type { RecordStore } from "../ports.js";
import { WaitingRecords } from "./replica-waiting.js";

/** The outcome of a record from a peer. A `dropped` record was not judged; a comparison will bring it again. */
export type Intake = "new" | "known" | "waiting" | "refused" | "dropped";

/** What a {@link RecordIntake} needs. */
export interface RecordIntakeOptions {
  /** In order of dependency: stores of records that make signers known come first. */
  readonly stores: readonly RecordStore[];
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  /** Resolves after a turn of the event loop. */
  readonly yieldLoop: () => Promise<void>;
  /** Receives a waiting record that was accepted at last. */
  readonly acceptedLate: (record: { readonly kind: string; readonly text: string; readonly peer: string }) => void;
}

/** Records that wait for their signer; UTF-16 units of text that wait to be judged, of one peer and of all. */
const maxWaiting = 1_000;
const maxPeerBytes = 4 * 1024 * 1024;
const maxBytes = 32 * 1024 * 1024;
/** Records of one kind that are judged together. More share a write of their store; fewer are acknowledged sooner. */
const maxBatch = 64;
/**
 * The longest that verifying signatures (0.2 ms each) may block the event loop, ms. Longer judges a burst sooner, and
 * delays calls and probes meanwhile.
 */
const sliceMs = 8;
/**
 * Records of one peer that may be refused, each up to 0.2 ms of CPU. Above this, the peer's records are dropped
 * unjudged, and come again by a comparison. Lower costs less under a flood; higher recovers sooner from a peer with bad
 * records.
 */
const refusals = { burst: 200, perSecond: 20 };
/** Records of one peer that may be no news, which costs little. A comparison of a large mesh brings thousands. */
const repetitions = { burst: 4_000, perSecond: 400 };
/** Kinds that make a signer known. */
const introducing = new Set(["grant", "admission"]);

interface Task {
  readonly store: RecordStore;
  readonly judge: () => Promise<void>;
}

/** Judges records through their stores. */
export class RecordIntake {
  readonly #options: RecordIntakeOptions;
  readonly #stores: ReadonlyMap<string, RecordStore>;
  readonly #waiting = new WaitingRecords(maxWaiting);
  /** Rate limits of each peer: for records that are refused, and for records that are no news. */
  readonly #refusals: TokenBuckets;
  readonly #repetitions: TokenBuckets;
  readonly #bytes = new Map<string, number>();
  #allBytes = 0;
  #tasks: Task[] = [];
  #working = false;
  #sliceStart = 0;
  #introduced = false;
  /** Changes with each record that is accepted. */
  version = 0;
  /** Records by their outcome. */
  readonly counts: Record<Intake, number> = { new: 0, known: 0, waiting: 0, refused: 0, dropped: 0 };

  constructor(options: RecordIntakeOptions) {
    this.#options = options;
    const { clock, stores } = options;
    this.#stores = new Map(stores.map((store) => [store.kind, store]));
    this.#refusals = new TokenBuckets({ clock, ...refusals });
    this.#repetitions = new TokenBuckets({ clock, ...repetitions });
  }

  /** The store of a kind. */
  store(kind: string): RecordStore | undefined {
    return this.#stores.get(kind);
  }

  /** Records that wait for their signer to be known. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether a peer is within its rate limits. */
  isWithinLimits(peer: string): boolean {
    return this.#refusals.has(peer) && this.#repetitions.has(peer);
  }

  /** Judges a record of this node itself. Throws as its store does. */
  own(store: RecordStore, text: string): Promise<void> {
    return this.#queue(store, async () => this.#note(store.kind, await store.accept(text)));
  }

  /** Judges a record from a peer, after records of other kinds that came before. Never rejects. */
  async offer(kind: string, { text, peer }: { readonly text: string; readonly peer: string }): Promise<Intake> {
    const store = this.#stores.get(kind);
    const bytes = this.#bytes.get(peer) ?? 0;
    const room = bytes + text.length <= maxPeerBytes && this.#allBytes + text.length <= maxBytes;
    if (store === undefined || !room) return this.#count("dropped");
    this.#bytes.set(peer, bytes + text.length);
    this.#allBytes += text.length;
    try {
      return await this.#queue(store, () => this.#judge(store, { text, peer }));
    } finally {
      const left = (this.#bytes.get(peer) ?? 0) - text.length;
      if (left > 0) this.#bytes.set(peer, left);
      else this.#bytes.delete(peer);
      this.#allBytes -= text.length;
    }
  }

  /** Judges the waiting records again. */
  async retry(): Promise<void> {
    this.#introduced = false;
    const retried = this.#waiting.takeAll().map(async ({ kind, text, peer }) => {
      if ((await this.offer(kind, { text, peer })) === "new") this.#options.acceptedLate({ kind, text, peer });
    });
    await Promise.all(retried);
  }

  #queue<Result>(store: RecordStore, run: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#tasks.push({ store, judge: () => run().then(resolve, reject) });
      if (!this.#working) void this.#work();
    });
  }

  /** Judges in the order of arrival, since a record may make the signer of a later one known; one kind together. */
  async #work(): Promise<void> {
    this.#working = true;
    for (let [first] = this.#tasks; first !== undefined; [first] = this.#tasks) {
      const { store } = first;
      const end = this.#tasks.slice(0, maxBatch).findIndex((task) => task.store !== store);
      const batch = this.#tasks.splice(0, end < 0 ? maxBatch : end);
      const judged: Promise<void>[] = [];
      for (const task of batch) {
        await this.#slice();
        judged.push(task.judge());
      }
      await Promise.all(judged);
    }
    this.#working = false;
    // After a burst, not after each of its records: many records may wait.
    if (this.#introduced) void this.retry();
  }

  async #judge(store: RecordStore, { text, peer }: { text: string; peer: string }): Promise<Intake> {
    // Checked only now: the limit may have been reached while this record waited for its turn.
    if (!this.isWithinLimits(peer)) return this.#count("dropped");
    try {
      const outcome = await store.accept(text);
      if (outcome !== "new") this.#repetitions.take(peer);
      if (outcome === "waiting") this.#waiting.add({ kind: store.kind, text, peer });
      this.#note(store.kind, outcome);
      return this.#count(outcome);
    } catch (error) {
      this.#refusals.take(peer);
      const { log } = this.#options;
      const write = error instanceof HerdError ? log?.warn : log?.error;
      write?.("a record from a peer was refused", { peer, kind: store.kind, cause: error, repeat: peer });
      return this.#count("refused");
    }
  }

  #note(kind: string, outcome: "new" | "known" | "waiting"): void {
    if (outcome !== "new") return;
    this.version += 1;
    if (introducing.has(kind)) this.#introduced = true;
  }

  #count(outcome: Intake): Intake {
    this.counts[outcome] += 1;
    return outcome;
  }

  async #slice(): Promise<void> {
    const { clock, yieldLoop } = this.#options;
    if (clock.monotonic() - this.#sliceStart < sliceMs) return;
    await yieldLoop();
    this.#sliceStart = clock.monotonic();
  }
}
