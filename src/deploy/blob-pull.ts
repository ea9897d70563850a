// Pulls a blob from peers by its digest. Any holder will do, since the digest proves the bytes; slow sources are asked
// last.

import * as z from "zod";
import { sha256 } from "../catalog/blobs.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { type Cancellation, type Link, RequestTimeout } from "../mesh/ports.js";
import { chunkBytes } from "./blob-source.js";

const chunk = z.object({ bytes: z.instanceof(Uint8Array), total: z.int() });

/** The slowest accepted source: after `graceMs`, so many bytes for each second since the pull began. */
interface Pace {
  readonly graceMs: number;
  readonly bytesPerSecond: number;
}

/**
 * Bound while another peer may have the bytes: a healthy link is far faster, and a slow source costs two seconds at
 * most.
 */
const brisk: Pace = { graceMs: 1_500, bytesPerSecond: 512 * 1024 };
/** Bound for a second round, when no peer was fast: that of a line of 256 kbit/s. */
const patient: Pace = { graceMs: 2_000, bytesPerSecond: 32 * 1024 };
/** How long a source that was too slow, or sent wrong bytes, is asked after all others, in milliseconds. */
const avoidMs = 60_000;

/** The blob to pull: its SHA-256 in hex, and the size in the manifest of `author` (a node's id). */
export interface WantedBlob {
  readonly digest: string;
  readonly bytes: number;
  readonly author: string;
}

/** Dependencies of {@link BlobPulls}. */
export interface BlobPullsOptions {
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Logger;
  readonly signal: Cancellation;
}

/** Bytes that a source sent before the pull gave it up. */
interface Part {
  readonly link: Link;
  readonly chunks: Uint8Array[];
}

class TooSlow extends Error {
  readonly part: Part;

  constructor(part: Part, cause: unknown) {
    super("the peer gives too slowly", { cause });
    this.part = part;
  }
}

/** Pulls in progress. Two manifests of one author that need the same digest share a pull. */
export class BlobPulls {
  readonly #options: BlobPullsOptions;
  readonly #pulls = new Map<string, Promise<Buffer>>();
  /** Node ids of slow sources, and until when they are asked last, in monotonic milliseconds. */
  readonly #avoided = new Map<string, number>();

  constructor(options: BlobPullsOptions) {
    this.#options = options;
  }

  /**
   * The bytes, from the first of `links` that sends the right bytes fast enough. Throws `node.unavailable` when no peer
   * does.
   */
  pull(blob: WantedBlob, links: readonly Link[]): Promise<Buffer> {
    // Not shared between authors: another author's manifest may name a wrong size, or be asked of slow sources first.
    const key = `${blob.author} ${blob.digest} ${blob.bytes}`;
    const running = this.#pulls.get(key);
    if (running !== undefined) return running;
    const pull = this.#fromAny(blob, links).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    return pull;
  }

  async #fromAny(blob: WantedBlob, links: readonly Link[]): Promise<Buffer> {
    const { log, signal } = this.#options;
    // Bytes of sources that were too slow: those of the source that sent the most are kept.
    const slow: Link[] = [];
    let best: Part | undefined;
    const tried = async (link: Link, pace: Pace): Promise<Buffer | undefined> => {
      try {
        const content = await this.#from(blob, { link, pace, chunks: best?.link === link ? best.chunks : [] });
        if (sha256(content) === blob.digest) return content;
        this.#avoid(link);
        log.warn("a peer gave other bytes than those that were asked for", {
          peer: link.peer.nodeId,
          digest: blob.digest,
          repeat: link.peer.nodeId,
        });
      } catch (cause) {
        log.debug("a peer did not give a blob", { peer: link.peer.nodeId, digest: blob.digest, cause });
        if (!(cause instanceof TooSlow)) return undefined;
        this.#avoid(link);
        slow.push(link);
        if (cause.part.chunks.length > (best?.chunks.length ?? 0)) best = cause.part;
      }
      return undefined;
    };
    for (const link of this.#inOrder(links)) {
      const content = signal.aborted ? undefined : await tried(link, brisk);
      if (content !== undefined) return content;
    }
    const first = best?.link;
    for (const link of slow.splice(0).sort((left, right) => Number(right === first) - Number(left === first))) {
      const content = signal.aborted ? undefined : await tried(link, patient);
      if (content !== undefined) return content;
    }
    throw new HerdError("node.unavailable", `no linked node gives ${blob.digest}`, { retryAfterSeconds: 1 });
  }

  async #from(
    { digest, bytes }: WantedBlob,
    { link, pace, chunks }: { readonly link: Link; readonly pace: Pace; readonly chunks: Uint8Array[] },
  ): Promise<Buffer> {
    const { clock, signal } = this.#options;
    const began = clock.monotonic();
    let givenBytes = 0;
    for (let offset = chunks.length * chunkBytes; offset < bytes; offset += chunkBytes) {
      const due = Math.min(chunkBytes, bytes - offset);
      givenBytes += due;
      const untilMs = began + pace.graceMs + (givenBytes / pace.bytesPerSecond) * 1_000;
      const timeoutMs = Math.max(1, untilMs - clock.monotonic());
      const answered = await link.request("blob", { digest, offset }, { timeoutMs, signal }).catch((cause: unknown) => {
        throw cause instanceof RequestTimeout && !signal.aborted ? new TooSlow({ link, chunks }, cause) : cause;
      });
      const answer = chunk.parse(answered);
      // Accepts only chunks of the expected size: else a peer could send a byte at a time.
      if (answer.total !== bytes || answer.bytes.length !== due) {
        throw new HerdError("auth.invalid", "the blob has another size than its manifest says");
      }
      chunks.push(answer.bytes);
    }
    return Buffer.concat(chunks, bytes);
  }

  /** Slow sources after the others. */
  #inOrder(links: readonly Link[]): Link[] {
    const now = this.#options.clock.monotonic();
    const avoided = ({ peer }: Link): number => Number((this.#avoided.get(peer.nodeId) ?? 0) > now);
    return [...links].sort((left, right) => avoided(left) - avoided(right));
  }

  #avoid({ peer }: Link): void {
    const now = this.#options.clock.monotonic();
    for (const [node, untilMs] of this.#avoided) if (untilMs <= now) this.#avoided.delete(node);
    this.#avoided.set(peer.nodeId, now + avoidMs);
  }
}
