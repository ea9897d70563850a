// Records of one kind on disk: in segments, so that a change rewrites a few hundred of them and not all.

import { HerdError } from "../../core/errors.js";
import { keepIn, type StateFiles } from "../../storage/state-files.js";
import { StorageFull } from "../../storage/storage-error.js";

/** Files `{kind}-{n}`, each a list of texts without line breaks. A segment that holds none is no file. */
export class SegmentStore {
  readonly #files: StateFiles;
  readonly #kind: string;

  constructor(files: StateFiles, kind: string) {
    this.#files = files;
    this.#kind = kind;
  }

  /** Every segment by its number. */
  async load(): Promise<Map<number, string[]>> {
    const segments = new Map<number, string[]>();
    const prefix = `${this.#kind}-`;
    for (const name of await this.#files.list()) {
      const digits = name.startsWith(prefix) ? name.slice(prefix.length) : "";
      if (!/^\d{1,9}$/.test(digits)) continue;
      const content = await this.#files.read(name);
      if (content !== undefined) segments.set(Number(digits), content.toString("utf8").split("\n"));
    }
    return segments;
  }

  /** Replaces a segment, durably; with `keep` in memory when the disk takes nothing now (see `StateFiles.keep`). */
  async write(segment: number, texts: readonly string[], { keep }: { readonly keep: boolean }): Promise<void> {
    const name = `${this.#kind}-${segment}`;
    const content = texts.join("\n");
    if (texts.length === 0) await this.#remove(name, { keep });
    else if (keep) await keepIn(this.#files, { name, content });
    else await this.#files.write(name, content);
  }

  /**
   * Removes a segment whose records are all over. With `keep` a full disk may hold the file: a later record overwrites
   * it, or the first write after the next start removes it.
   */
  async #remove(name: string, { keep }: { readonly keep: boolean }): Promise<void> {
    try {
      await this.#files.remove(name);
    } catch (error) {
      if (!keep || !(error instanceof StorageFull)) throw error;
    }
  }

  /** The error for a segment whose content is not what was written. */
  damaged(segment: number): HerdError {
    return new HerdError("internal", `${this.#files.describe(`${this.#kind}-${segment}`)} is damaged`);
  }
}
