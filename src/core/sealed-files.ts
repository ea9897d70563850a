// State on disk: each file encrypted under the state's key, replaced as a whole, and durable before a write resolves.

import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { isTemporary, syncDirectory, writeFileAtomic } from "./atomic-file.js";
import { HerdError } from "./errors.js";
import type { Sealer } from "./sealer.js";
import { isStateFileName, type StateFiles, stateFileName } from "./state-files.js";

const suffix = ".sealed";

/** {@link StateFiles} in one folder; file `index` is `index.sealed`, bound to the folder's `scope` and its own name. */
export class SealedFiles implements StateFiles {
  readonly #directory: string;
  readonly #sealer: Sealer;
  readonly #scope: string;

  private constructor(directory: string, sealer: Sealer, scope: string) {
    this.#directory = directory;
    this.#sealer = sealer;
    this.#scope = scope;
  }

  /** Opens the folder (made with mode 0700 when absent) and clears what interrupted writes left behind. */
  static async open(directory: string, sealer: Sealer, options: { scope: string }): Promise<SealedFiles> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await syncDirectory(join(directory, ".."));
      for (const entry of await readdir(directory)) {
        if (isTemporary(entry)) await rm(join(directory, entry), { force: true });
      }
    } catch (error) {
      throw new HerdError("internal", `${directory} cannot be used: ${reason(error)}`, { cause: error });
    }
    return new SealedFiles(directory, sealer, options.scope);
  }

  async read(name: string): Promise<Buffer | undefined> {
    const path = this.describe(name);
    let sealed: Buffer;
    try {
      sealed = await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new HerdError("internal", `${path} cannot be read: ${reason(error)}`, { cause: error });
    }
    const content = this.#sealer.open(sealed, this.#context(name));
    if (content === undefined) {
      throw new HerdError("internal", `${path} is damaged, or was sealed under another state key`);
    }
    return content;
  }

  async write(name: string, content: Uint8Array | string): Promise<void> {
    const path = this.describe(name);
    try {
      await writeFileAtomic(path, this.#sealer.seal(content, this.#context(name)));
    } catch (error) {
      throw new HerdError("internal", `${path} cannot be written: ${reason(error)}`, { cause: error });
    }
  }

  async remove(name: string): Promise<void> {
    const path = this.describe(name);
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw new HerdError("internal", `${path} cannot be removed: ${reason(error)}`, { cause: error });
    }
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.#directory);
    return entries
      .filter((entry) => entry.endsWith(suffix))
      .map((entry) => entry.slice(0, -suffix.length))
      .filter(isStateFileName);
  }

  describe(name: string): string {
    return join(this.#directory, stateFileName(name) + suffix);
  }

  #context(name: string): string {
    return `${this.#scope}/${name}`;
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
