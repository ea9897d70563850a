// Pulls a blob from peers by its digest: whoever has it will do, since the digest proves the bytes.

import { z } from "zod";
import { sha256 } from "../catalog/blobs.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { Link, Wanted } from "../mesh/seams.js";
import { chunkBytes } from "./blob-source.js";

const chunk = z.object({ bytes: z.instanceof(Uint8Array), total: z.int() });
const chunkTimeoutMs = 5_000;

/** What to pull: SHA-256 in hex, and the size that the manifest names. */
export interface WantedBlob {
  readonly digest: string;
  readonly bytes: number;
}

/** What {@link BlobPulls} works with. */
export interface BlobPullsOptions {
  readonly log: Logger;
  readonly signal: Wanted;
}

/** Pulls under way: two that want one digest share a pull. */
export class BlobPulls {
  readonly #options: BlobPullsOptions;
  readonly #pulls = new Map<string, Promise<Buffer>>();

  constructor(options: BlobPullsOptions) {
    this.#options = options;
  }

  /** The bytes, from the first of `links` that gives the right ones. Throws `node.overloaded` when none does. */
  pull(blob: WantedBlob, links: readonly Link[]): Promise<Buffer> {
    const running = this.#pulls.get(blob.digest);
    if (running !== undefined) return running;
    const pull = this.#fromAny(blob, links).finally(() => this.#pulls.delete(blob.digest));
    this.#pulls.set(blob.digest, pull);
    return pull;
  }

  async #fromAny(blob: WantedBlob, links: readonly Link[]): Promise<Buffer> {
    const { log, signal } = this.#options;
    for (const link of links) {
      if (signal.aborted) break;
      const content = await this.#from(blob, link).catch((cause: unknown) => {
        log.debug("a peer did not give a blob", { peer: link.peer.nodeId, digest: blob.digest, cause });
        return undefined;
      });
      if (content === undefined) continue;
      if (sha256(content) === blob.digest) return content;
      log.warn("a peer gave other bytes than those that were asked for", {
        peer: link.peer.nodeId,
        digest: blob.digest,
      });
    }
    throw new HerdError("node.overloaded", `no linked node gives ${blob.digest}`, { retryAfterSeconds: 1 });
  }

  async #from({ digest, bytes }: WantedBlob, link: Link): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for (let offset = 0; offset < bytes; offset += chunkBytes) {
      const options = { timeoutMs: chunkTimeoutMs, signal: this.#options.signal };
      const answer = chunk.parse(await link.ask("blob", { digest, offset }, options));
      // Exactly what is due: else a peer could feed a byte at a time.
      if (answer.total !== bytes || answer.bytes.length !== Math.min(chunkBytes, bytes - offset)) {
        throw new HerdError("auth.invalid", "the blob has another size than its manifest says");
      }
      chunks.push(answer.bytes);
    }
    return Buffer.concat(chunks, bytes);
  }
}
