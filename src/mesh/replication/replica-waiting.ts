// Records that cannot be judged yet, since their signer is unknown here: kept within bounds until it is known.

import { createHash } from "node:crypto";

/** A waiting record, and the peer that sent it. */
export interface WaitingRecord {
  readonly kind: string;
  readonly text: string;
  readonly peer: string;
}

/** At most `max` records, of which the oldest goes first; no peer fills more than a quarter. */
export class WaitingRecords {
  readonly #max: number;
  readonly #records = new Map<string, WaitingRecord>();
  readonly #perPeer = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#records.size;
  }

  /** Keeps a record, once. When there is no room, it replaces the oldest record of its peer, or of all peers. */
  add(record: WaitingRecord): void {
    // By the whole text: the id alone would let a record with a bad signature keep out a good one of the same payload.
    const key = createHash("sha256").update(record.kind).update("\n").update(record.text).digest("base64");
    if (this.#records.has(key)) return;
    if ((this.#perPeer.get(record.peer) ?? 0) >= this.#max / 4) this.#dropOldest((other) => other.peer === record.peer);
    else if (this.#records.size >= this.#max) this.#dropOldest(() => true);
    this.#records.set(key, record);
    this.#perPeer.set(record.peer, (this.#perPeer.get(record.peer) ?? 0) + 1);
  }

  /** Returns all records and keeps none. */
  takeAll(): WaitingRecord[] {
    const all = [...this.#records.values()];
    this.#records.clear();
    this.#perPeer.clear();
    return all;
  }

  #dropOldest(which: (record: WaitingRecord) => boolean): void {
    for (const [key, record] of this.#records) {
      if (!which(record)) continue;
      this.#records.delete(key);
      const left = (this.#perPeer.get(record.peer) ?? 1) - 1;
      if (left > 0) this.#perPeer.set(record.peer, left);
      else this.#perPeer.delete(record.peer);
      return;
    }
  }
}
