// Blobs for peers: an ask names a digest and an offset, the answer holds the bytes from there and how many there are in all.

import { z } from "zod";
import type { ManifestRecords } from "../catalog/manifest-records.js";
import { HerdError } from "../core/errors.js";
import type { Timers } from "../core/timers.js";

/** Bytes of one answer. */
export const chunkBytes = 256 * 1024;

const question = z.strictObject({ digest: z.string().regex(/^[0-9a-f]{64}$/), offset: z.int().min(0) });
const keptBlobs = 4;
const keptMs = 10_000;

/** An answer to the ask `blob`. */
export interface BlobChunk {
  readonly bytes: Uint8Array;
  readonly total: number;
}

/** Answers the ask `blob` with what the catalog holds, and with nothing else. */
export class BlobSource {
  readonly #records: Pick<ManifestRecords, "blob" | "hasBlob">;
  readonly #timers: Timers;
  /** Blobs of several chunks, while somebody pulls them: reading one decrypts and checks it whole. */
  readonly #kept = new Map<string, { readonly content: Buffer; readonly forget: () => void }>();

  constructor({ records, timers }: { records: Pick<ManifestRecords, "blob" | "hasBlob">; timers: Timers }) {
    this.#records = records;
    this.#timers = timers;
  }

  /** Throws `request.malformed` for what is no such ask, and `revision.unknown` for bytes that are not held. */
  async answer(body: unknown): Promise<BlobChunk> {
    const asked = question.safeParse(body);
    if (!asked.success) throw new HerdError("request.malformed", "not an ask for a blob");
    const { digest, offset } = asked.data;
    const content = this.#records.hasBlob(digest) ? await this.#content(digest) : undefined;
    if (content === undefined) throw new HerdError("revision.unknown", "this node does not hold these bytes");
    if (offset > 0 && offset >= content.length) throw new HerdError("request.malformed", "the offset is past the end");
    return { bytes: content.subarray(offset, offset + chunkBytes), total: content.length };
  }

  async #content(digest: string): Promise<Buffer | undefined> {
    const content = this.#kept.get(digest)?.content ?? (await this.#records.blob(digest));
    if (content !== undefined && content.length > chunkBytes) this.#keep(digest, content);
    return content;
  }

  #keep(digest: string, content: Buffer): void {
    this.#kept.get(digest)?.forget();
    this.#kept.delete(digest);
    this.#kept.set(digest, { content, forget: this.#timers.after(keptMs, () => this.#kept.delete(digest)) });
    const [oldest] = this.#kept;
    if (this.#kept.size <= keptBlobs || oldest === undefined) return;
    oldest[1].forget();
    this.#kept.delete(oldest[0]);
  }
}
