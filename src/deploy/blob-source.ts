// Sends blobs to peers: a request names a digest and an offset; the response holds the bytes from there, and the blob's
// size.

import * as z from "zod";
import type { ManifestRecords } from "../catalog/manifest-records.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import { FairSlots } from "../core/fair-slots.js";
import type { Timers } from "../core/timers.js";

/** Bytes of one response. */
export const chunkBytes = 256 * 1024;

const requestShape = z.strictObject({ digest: z.string().regex(/^[0-9a-f]{64}$/), offset: z.int().min(0) });
const keptBlobs = 6;
const keptMs = 10_000;
/** Back-pressure: blobs that are read from disk at a time, in all and for one peer; and requests that wait for that. */
const reads = { running: 4, runningEach: 1, waiting: 256, waitingEach: 32 };

/** A response to a request `blob`. */
export interface BlobChunk {
  readonly bytes: Uint8Array;
  readonly total: number;
}

/** Dependencies of {@link BlobSource}. */
export interface BlobSourceOptions {
  readonly records: Pick<ManifestRecords, "blob" | "hasBlob">;
  readonly timers: Timers;
  readonly clock: Pick<Clock, "monotonic">;
}

/** A blob of several chunks, kept while a peer pulls it: to read one means to decrypt and check it whole. */
interface Kept {
  readonly content: Buffer;
  /** The peer whose request caused the read. */
  readonly peer: string;
  readonly forget: () => void;
}

/** Answers requests of kind `blob` with the catalog's blobs, and with nothing else. Peers share the cost fairly. */
export class BlobSource {
  readonly #options: BlobSourceOptions;
  readonly #reads: FairSlots;
  /** In the order of last use. */
  readonly #kept = new Map<string, Kept>();

  constructor(options: BlobSourceOptions) {
    this.#options = options;
    this.#reads = new FairSlots({
      clock: options.clock,
      ...reads,
      refuse: () => new HerdError("node.overloaded", "too many requests for blobs wait", { retryAfterSeconds: 1 }),
    });
  }

  /**
   * Throws `request.malformed` for a malformed request, and `revision.unknown` for bytes that are not held. `peer` is a
   * node's id.
   */
  async answer(
    body: unknown,
    { peer, signal }: { readonly peer: string; readonly signal?: AbortSignal },
  ): Promise<BlobChunk> {
    const parsed = requestShape.safeParse(body);
    if (!parsed.success) throw new HerdError("request.malformed", "not a request for a blob");
    const { digest, offset } = parsed.data;
    const content = this.#kept.get(digest)?.content ?? (await this.#read(digest, { peer, signal }));
    if (content === undefined) throw new HerdError("revision.unknown", "this node does not hold these bytes");
    if (offset > 0 && offset >= content.length) throw new HerdError("request.malformed", "the offset is past the end");
    if (content.length > chunkBytes) this.#keep(digest, { content, peer: this.#kept.get(digest)?.peer ?? peer });
    return { bytes: content.subarray(offset, offset + chunkBytes), total: content.length };
  }

  async #read(
    digest: string,
    { peer, signal }: { readonly peer: string; readonly signal: AbortSignal | undefined },
  ): Promise<Buffer | undefined> {
    const { records } = this.#options;
    if (!records.hasBlob(digest)) return undefined;
    const leave = await this.#reads.enter(peer, { signal });
    try {
      // Another request may have read the blob while this one waited.
      return this.#kept.get(digest)?.content ?? (await records.blob(digest));
    } finally {
      leave();
    }
  }

  #keep(digest: string, { content, peer }: Pick<Kept, "content" | "peer">): void {
    this.#kept.get(digest)?.forget();
    this.#kept.delete(digest);
    const forget = this.#options.timers.after(keptMs, () => this.#kept.delete(digest));
    this.#kept.set(digest, { content, peer, forget });
    if (this.#kept.size > keptBlobs) this.#drop();
  }

  /** Evicts the least recently used blob of the peer that has the most: a peer must not push out what others pull. */
  #drop(): void {
    const counts = new Map<string, number>();
    for (const { peer } of this.#kept.values()) counts.set(peer, (counts.get(peer) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const [digest, { peer, forget }] of this.#kept) {
      if (counts.get(peer) !== most) continue;
      forget();
      this.#kept.delete(digest);
      return;
    }
  }
}
