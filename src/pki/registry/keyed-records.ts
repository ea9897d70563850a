// Records of one kind as every node keeps them: one for each key, the same one in whatever order records arrive.

import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { decodeSigned, encodeSigned, recordId, type Signed } from "../../core/signed.js";
import { SharedWrites } from "../../storage/shared-writes.js";
import type { StateFiles } from "../../storage/state-files.js";
import { StorageFull } from "../../storage/storage-error.js";
import { type Payload, parsePayload, type RecordKind } from "./records.js";
import { SegmentStore } from "./segment-store.js";

const segmentRecords = 128;

/** A record that is kept. */
export interface HeldRecord<Kind extends RecordKind> {
  readonly id: string;
  readonly signed: Signed;
  readonly payload: Payload<Kind>;
}

/** What makes a kind what it is. */
export interface KindRules<Kind extends RecordKind> {
  readonly kind: Kind;
  readonly meshId: string;
  /** Records with one key are about the same thing, and one of them is kept. */
  keyOf(payload: Payload<Kind>): string;
  /**
   * Whether `a` is to be kept rather than `b`, the current record of its key: a strict total order, together with the
   * record id.
   */
  prefers(a: Payload<Kind>, b: Payload<Kind>): boolean;
  /**
   * Whether the author may state this: `unknown` when it is not known yet. Throws `auth.invalid`. Includes the
   * signature.
   */
  judge(signed: Signed, payload: Payload<Kind>): "good" | "unknown";
  /**
   * Whether a signer still counts: a record of one that was revoked gives way to any other, and is offered to nobody.
   */
  counts(signer: string): boolean;
  /** Keys at most. `undefined` from {@link admits} means the bound applies. */
  readonly limit: number;
  /** Exempts a record from the bound. */
  admits?(payload: Payload<Kind>): boolean;
  /** Sees every verified record beside the current one of its key, also one that will not be kept. */
  compare?(record: HeldRecord<Kind>, current: HeldRecord<Kind>): void;
  /** Hears of a record that is kept from now on (also at opening), or was dropped. */
  changed?(record: HeldRecord<Kind>): void;
  /** Whether a record need not be kept any longer. */
  over?(payload: Payload<Kind>): boolean;
  /**
   * Whether a record is refused when the disk takes nothing. Others count at once, and are written when that is
   * possible.
   */
  needsDisk?(signed: Signed): boolean;
}

interface StoredRecord<Kind extends RecordKind> extends HeldRecord<Kind> {
  readonly key: string;
  segment: number;
}

interface Pending<Kind extends RecordKind> {
  readonly record: HeldRecord<Kind>;
  readonly key: string;
}

/**
 * A `RecordStore` (src/mesh/ports.ts). A record counts once it is durable, or once a full disk has refused it; those
 * that arrive while the disk is busy share the next write, so callers may offer many at a time. Per key the kept
 * record is the greatest of (its signer counts, `prefers`, id), hence the result depends on the set of records alone.
 */
export class KeyedRecords<Kind extends RecordKind> {
  readonly kind: Kind;
  readonly #rules: KindRules<Kind>;
  readonly #segmentStore: SegmentStore;
  readonly #log: Logger | undefined;
  readonly #byKey = new Map<string, StoredRecord<Kind>>();
  readonly #byId = new Map<string, StoredRecord<Kind>>();
  readonly #segments = new Map<number, Set<string>>();
  /** Segments that hold records which were dropped. */
  readonly #stale = new Set<number>();
  /** Tells of each record whether it is kept. */
  readonly #writes = new SharedWrites<Pending<Kind>, boolean | HerdError>({ write: (batch) => this.#write(batch) });
  #fullLogged = false;

  constructor(rules: KindRules<Kind>, options: { files: StateFiles; log?: Logger | undefined }) {
    this.kind = rules.kind;
    this.#rules = rules;
    this.#segmentStore = new SegmentStore(options.files, rules.kind);
    this.#log = options.log;
  }

  /** Reads what was kept. Its files are authenticated: signatures were checked when the records came. */
  async open(): Promise<void> {
    for (const [segment, texts] of await this.#segmentStore.load()) {
      for (const text of texts) {
        const record = this.#read(text);
        if (typeof record === "string") throw this.#segmentStore.damaged(segment);
        this.#place(record, segment);
      }
    }
  }

  /**
   * See `RecordStore`. Throws `auth.invalid` saying why a record is refused, and `state.conflict` when there are too
   * many.
   */
  async accept(text: string): Promise<"new" | "known" | "waiting"> {
    const record = this.#read(text);
    if (typeof record === "string") throw new HerdError("auth.invalid", record);
    const { signed, payload } = record;
    if (!this.#rules.counts(signed.signer)) {
      if (this.#byId.has(record.id)) return "known";
      throw new HerdError("auth.invalid", `the ${this.kind} record is signed by a node that was revoked`);
    }
    const key = this.#rules.keyOf(payload);
    const current = this.#byKey.get(key);
    const wins = current === undefined || this.#wins(record, current);
    if (!wins && current.id === record.id) return "known";
    if (this.#rules.over?.(payload)) return "known";
    if (this.#rules.judge(signed, payload) === "unknown") return "waiting";
    if (current !== undefined && current.id !== record.id) this.#rules.compare?.(record, current);
    if (!wins) return "known";
    if (current === undefined) this.#checkRoom(payload);
    const kept = await this.#writes.add({ record, key });
    if (kept instanceof HerdError) throw kept;
    return kept ? "new" : "known";
  }

  /** Ids of the records that may be offered to others: those whose signers count. */
  *ids(): Iterable<string> {
    for (const { id, signed } of this.#byKey.values()) if (this.#rules.counts(signed.signer)) yield id;
  }

  /** A record's text, unless it is one that may not be offered. */
  get(id: string): string | undefined {
    const held = this.#byId.get(id);
    return held !== undefined && this.#rules.counts(held.signed.signer) ? encodeSigned(held.signed) : undefined;
  }

  /** The node that a record is about, by the record's id. */
  about(id: string): string | undefined {
    const payload = this.#byId.get(id)?.payload;
    return payload !== undefined && "node" in payload ? payload.node : undefined;
  }

  /** The record of a key, whether its signer still counts or not. */
  at(key: string): HeldRecord<Kind> | undefined {
    return this.#byKey.get(key);
  }

  /** Every record that is kept. */
  values(): Iterable<HeldRecord<Kind>> {
    return this.#byKey.values();
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The record of a text, or what is wrong with it. */
  #read(text: string): HeldRecord<Kind> | string {
    const signed = decodeSigned(text);
    if (signed === undefined) return "not a signed record";
    const payload = parsePayload(this.kind, signed.payload);
    if (payload === undefined) return `not a well-formed ${this.kind} record`;
    if (payload.mesh !== this.#rules.meshId) return `the ${this.kind} record is of another mesh`;
    return { id: recordId(signed), signed, payload };
  }

  #wins(record: HeldRecord<Kind>, current: HeldRecord<Kind>): boolean {
    const counts = this.#rules.counts(record.signed.signer);
    if (counts !== this.#rules.counts(current.signed.signer)) return counts;
    if (record.id === current.id) return false;
    if (this.#rules.prefers(record.payload, current.payload)) return true;
    return !this.#rules.prefers(current.payload, record.payload) && record.id > current.id;
  }

  #checkRoom(payload: Payload<Kind>): void {
    const isFull = (): boolean => this.#byKey.size + this.#writes.waiting >= this.#rules.limit;
    if (!isFull() || this.#rules.admits?.(payload)) return;
    this.#sweep();
    if (!isFull()) return;
    if (!this.#fullLogged)
      this.#log?.error(`more than ${this.#rules.limit} ${this.kind} records: further ones are refused`);
    this.#fullLogged = true;
    throw new HerdError("state.conflict", `this node keeps no more than ${this.#rules.limit} ${this.kind} records`);
  }

  async #write(batch: readonly Pending<Kind>[]): Promise<readonly (boolean | HerdError)[]> {
    try {
      return await this.#writeAll(batch, { keep: false });
    } catch (error) {
      if (!(error instanceof HerdError) || !(error instanceof StorageFull)) throw error;
      const held = batch.filter(({ record }) => this.#rules.needsDisk?.(record.signed) !== true);
      if (held.length === 0) throw error;
      const kept = await this.#writeAll(held, { keep: true });
      return batch.map((pending) => kept[held.indexOf(pending)] ?? error);
    }
  }

  async #writeAll(batch: readonly Pending<Kind>[], how: { readonly keep: boolean }): Promise<readonly boolean[]> {
    this.#sweep();
    const winners = new Map<string, Pending<Kind>>();
    for (const pending of batch) {
      const current = winners.get(pending.key)?.record ?? this.#byKey.get(pending.key);
      if (current === undefined || this.#wins(pending.record, current)) winners.set(pending.key, pending);
    }
    const texts = new Map<number, Map<string, string>>();
    const segments = new Map<string, number>();
    for (const segment of this.#stale) texts.set(segment, this.#contentOf(segment));
    for (const [key, { record }] of winners) {
      const segment = this.#byKey.get(key)?.segment ?? this.#freeSegment(texts);
      const content = texts.get(segment) ?? this.#contentOf(segment);
      content.set(key, encodeSigned(record.signed));
      texts.set(segment, content);
      segments.set(key, segment);
    }
    await Promise.all(
      [...texts].map(([segment, content]) => this.#segmentStore.write(segment, [...content.values()], how)),
    );
    for (const segment of texts.keys()) this.#stale.delete(segment);
    for (const [key, { record }] of winners) this.#place(record, segments.get(key) ?? 0);
    return batch.map((pending) => winners.get(pending.key) === pending);
  }

  /** A segment with room, those included that this batch is about to fill. */
  #freeSegment(texts: ReadonlyMap<number, ReadonlyMap<string, string>>): number {
    const last = Math.max(0, ...this.#segments.keys(), ...texts.keys());
    for (const segment of [...this.#segments.keys(), ...texts.keys(), last]) {
      const size = texts.get(segment)?.size ?? this.#segments.get(segment)?.size ?? 0;
      if (size < segmentRecords) return segment;
    }
    return last + 1;
  }

  #contentOf(segment: number): Map<string, string> {
    const content = new Map<string, string>();
    for (const key of this.#segments.get(segment) ?? []) {
      const placed = this.#byKey.get(key);
      if (placed !== undefined) content.set(key, encodeSigned(placed.signed));
    }
    return content;
  }

  #place(record: HeldRecord<Kind>, segment: number): void {
    const key = this.#rules.keyOf(record.payload);
    const before = this.#byKey.get(key);
    if (before !== undefined) this.#remove(before);
    const placed = { ...record, key, segment };
    this.#byKey.set(key, placed);
    this.#byId.set(record.id, placed);
    const keys = this.#segments.get(segment) ?? new Set();
    this.#segments.set(segment, keys.add(key));
    this.#rules.changed?.(record);
  }

  #remove(placed: StoredRecord<Kind>): void {
    this.#byKey.delete(placed.key);
    this.#byId.delete(placed.id);
    this.#segments.get(placed.segment)?.delete(placed.key);
  }

  /** Drops what is over; its segments are written with the next record. */
  #sweep(): void {
    if (this.#rules.over === undefined) return;
    for (const placed of [...this.#byKey.values()]) {
      if (!this.#rules.over(placed.payload)) continue;
      this.#remove(placed);
      this.#stale.add(placed.segment);
    }
  }
}
