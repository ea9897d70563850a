// An audit log on disk: segments of a bounded number of entries, of which only the last one is ever rewritten.

import * as z from "zod";
import { HerdError } from "../../core/errors.js";
import { tryParseJson } from "../../core/json.js";
import type { StateFiles } from "../../storage/state-files.js";
import { type AuditEntry, auditEntrySchema } from "./chain.js";

const segmentEntries = 256;
const segmentSchema = z.array(auditEntrySchema).max(segmentEntries);

/**
 * Files `{prefix}-{n}`: entry `seq` is in segment ⌊(seq − 1) / 256⌋. What was added is durable when its promise
 * resolves.
 */
export class AuditSegments {
  readonly #files: StateFiles;
  readonly #prefix: string;
  /** The last segment. */
  #tail: readonly AuditEntry[] = [];

  constructor(files: StateFiles, prefix: string) {
    this.#files = files;
    this.#prefix = prefix;
  }

  /** Finds the end. Throws `internal` naming a file that is damaged. */
  async open(): Promise<void> {
    const start = `${this.#prefix}-`;
    const numbers = (await this.#files.list()).flatMap((name) => {
      const digits = name.startsWith(start) ? name.slice(start.length) : "";
      return /^\d{1,9}$/.test(digits) ? [Number(digits)] : [];
    });
    if (numbers.length > 0) this.#tail = await this.#segment(numbers.reduce((a, b) => Math.max(a, b)));
  }

  get last(): AuditEntry | undefined {
    return this.#tail.at(-1);
  }

  /** The number of the last entry. */
  get length(): number {
    return this.last?.seq ?? 0;
  }

  /** Adds entries that continue the chain; one call at a time. */
  async extend(entries: readonly AuditEntry[]): Promise<void> {
    let tail = this.#tail;
    for (let from = 0; from < entries.length; ) {
      if (tail.length >= segmentEntries) tail = [];
      const part = entries.slice(from, from + segmentEntries - tail.length);
      tail = [...tail, ...part];
      from += part.length;
      const number = segmentOf(tail[0]?.seq ?? 1);
      await this.#files.write(`${this.#prefix}-${number}`, JSON.stringify(tail));
      this.#tail = tail;
    }
  }

  /** At most `limit` entries from number `from` on. A segment that is gone leaves its gap. */
  async read(from: number, limit: number): Promise<AuditEntry[]> {
    const found: AuditEntry[] = [];
    for (let segment = segmentOf(from); segment <= segmentOf(this.length) && found.length < limit; segment++) {
      const entries = segment === segmentOf(this.length) ? this.#tail : await this.#segment(segment);
      found.push(...entries.filter(({ seq }) => seq >= from).slice(0, limit - found.length));
    }
    return found;
  }

  /** Entries from the newest back to the oldest, each segment read when the reader reaches it. */
  async *backwards(): AsyncGenerator<AuditEntry> {
    for (let segment = segmentOf(this.length); segment >= 0; segment--) {
      const entries = segment === segmentOf(this.length) ? this.#tail : await this.#segment(segment);
      yield* [...entries].reverse();
    }
  }

  async #segment(number: number): Promise<AuditEntry[]> {
    const name = `${this.#prefix}-${number}`;
    const content = await this.#files.read(name);
    if (content === undefined) return [];
    const parsed = segmentSchema.safeParse(tryParseJson(content));
    if (!parsed.success) throw new HerdError("internal", `${this.#files.describe(name)} is damaged`);
    return parsed.data;
  }
}

function segmentOf(seq: number): number {
  return Math.max(0, Math.floor((seq - 1) / segmentEntries));
}
