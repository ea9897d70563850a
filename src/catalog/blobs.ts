// Content-addressed bytes: a blob is a file named by its SHA-256, written once and checked whenever it is read.

import { createHash } from "node:crypto";
import { HerdError } from "../core/errors.js";
import type { StateFiles } from "../storage/state-files.js";
import type { OnDamage } from "./damage.js";

const prefix = "blob-";
const parallelReads = 8;

/** Blobs by digest (SHA-256 in hex), in files whose names start with `blob-`. */
export class Blobs {
  readonly #files: StateFiles;
  readonly #stored = new Set<string>();
  /** Blobs that a manifest names and that are missing or damaged here. */
  readonly #lost = new Set<string>();

  constructor(files: StateFiles) {
    this.#files = files;
  }

  /**
   * Lists the stored blobs, reads the wanted ones, and removes all others unless `keepOthers`. A missing or damaged
   * blob is reported to `damaged`, or, without that, thrown as `internal` with the file's name.
   */
  async open(
    wanted: ReadonlySet<string>,
    { damaged, keepOthers = false }: { readonly damaged?: OnDamage | undefined; readonly keepOthers?: boolean } = {},
  ): Promise<void> {
    this.#stored.clear();
    this.#lost.clear();
    for (const name of await this.#files.list()) {
      if (name.startsWith(prefix)) this.#stored.add(name.slice(prefix.length));
    }
    const queue = [...wanted];
    const check = async () => {
      for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
        try {
          await this.read(digest);
        } catch (cause) {
          if (damaged === undefined) throw cause;
          damaged({ file: this.#files.describe(prefix + digest), app: undefined, cause });
        }
      }
    };
    await Promise.all(Array.from({ length: parallelReads }, check));
    // Only now: while the catalog is damaged, nothing may be removed that could help to repair it.
    const others = [...this.#stored].filter((digest) => !wanted.has(digest));
    if (!keepOthers) return this.remove(others);
    for (const digest of others) await this.#read(digest).catch(() => this.remove([digest]));
  }

  /**
   * Stores bytes that are not there yet: all of them, or none when one cannot be stored. Returns the digests of the new
   * ones.
   */
  async writeAll(contents: readonly Uint8Array[]): Promise<string[]> {
    const missing = new Map(contents.map((content) => [sha256(content), content]));
    for (const digest of [...missing.keys()]) if (this.#stored.has(digest)) missing.delete(digest);
    const writes = [...missing].map(async ([digest, content]) => {
      await this.#files.write(prefix + digest, content);
      this.#stored.add(digest);
      this.#lost.delete(digest);
    });
    const written = await Promise.allSettled(writes);
    const failed = written.find((write) => write.status === "rejected");
    if (failed === undefined) return [...missing.keys()];
    await this.remove(missing.keys()).catch(() => undefined);
    throw failed.reason;
  }

  /**
   * The bytes of a digest. Throws `internal` with the file's name when they are missing or damaged; from then on they
   * are {@link isLost}.
   */
  async read(digest: string): Promise<Buffer> {
    const wasStored = this.#stored.has(digest);
    try {
      return await this.#read(digest);
    } catch (error) {
      // A blob that was removed meanwhile is not lost.
      if (wasStored === this.#stored.has(digest)) {
        this.#stored.delete(digest);
        this.#lost.add(digest);
      }
      throw error;
    }
  }

  /** Whether bytes that should be here are missing or damaged. */
  isLost(digest: string): boolean {
    return this.#lost.has(digest);
  }

  /** Whether a digest is stored: not when it was dropped, or never written. */
  has(digest: string): boolean {
    return this.#stored.has(digest);
  }

  /** Removes blobs; a missing blob is no error. */
  async remove(digests: Iterable<string>): Promise<void> {
    for (const digest of digests) {
      if (!this.#stored.delete(digest) && !this.#lost.delete(digest)) continue;
      await this.#files.remove(prefix + digest);
    }
  }

  async #read(digest: string): Promise<Buffer> {
    const content = await this.#files.read(prefix + digest);
    const file = this.#files.describe(prefix + digest);
    if (content === undefined) throw new HerdError("internal", `${file} is missing, but the catalog needs it`);
    if (sha256(content) !== digest) throw new HerdError("internal", `${file} is damaged: its digest is not its name`);
    return content;
  }
}

/** SHA-256 in hex. */
export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
