// State on disk: each file encrypted under the state's key, replaced as a whole, and durable before a write resolves.

import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { HerdError } from "../core/errors.js";
import { isTemporary, syncDirectory, writeFileAtomic } from "./atomic-file.js";
import type { HeldWrites } from "./held-writes.js";
import { type Sealer, sealIdOf } from "./sealer.js";
import { isStateFileName, type StateFiles, stateFileName } from "./state-files.js";
import type { StateIndex } from "./state-index.js";
import { StorageFull, storageError } from "./storage-error.js";

/** How the names of sealed files end. */
export const sealedSuffix = ".sealed";

/** What sealed files of a state folder share. Without an index, what is on disk is what counts. */
interface SealedFilesOptions {
  readonly scope: string;
  readonly index?: StateIndex;
  readonly held?: HeldWrites;
  /** Whether others have what is here: then a full disk is freed of a file before the index can note that. */
  readonly replaceable?: boolean;
}

/** {@link StateFiles} in one folder; file `index` is `index.sealed`, bound to the folder's `scope` and its own name. */
export class SealedFiles implements StateFiles {
  readonly #directory: string;
  readonly #sealer: Sealer;
  readonly #options: SealedFilesOptions;

  private constructor(directory: string, sealer: Sealer, options: SealedFilesOptions) {
    this.#directory = directory;
    this.#sealer = sealer;
    this.#options = options;
  }

  /** Opens the folder (made with mode 0700 when absent) and clears what interrupted writes left behind. */
  static async open(directory: string, sealer: Sealer, options: SealedFilesOptions): Promise<SealedFiles> {
    try {
      await makeFolder(directory);
      for (const entry of await readdir(directory)) {
        // What cannot be removed is in nobody's way.
        if (isTemporary(entry)) await rm(join(directory, entry), { force: true }).catch(() => undefined);
      }
    } catch (error) {
      throw storageError(error, directory, "used");
    }
    return new SealedFiles(directory, sealer, options);
  }

  async read(name: string): Promise<Buffer | undefined> {
    const { index, scope } = this.#options;
    const key = keyOf(scope, stateFileName(name));
    for (;;) {
      const before = index?.stamp(key);
      const sealed = await this.#bytes(name);
      // What changed while it was read is read again.
      if (index?.stamp(key) !== before) continue;
      if (index === undefined) return sealed && this.#open(name, sealed);
      if (index.allows(key, sealed && sealIdOf(sealed))) return sealed && this.#open(name, sealed);
      if (sealed === undefined) throw new HerdError("internal", `${this.describe(name)} is missing`);
      // Not of this state: see check-against-index.ts.
      if (!index.has(key)) return undefined;
      this.#open(name, sealed);
      throw new HerdError("internal", `${this.describe(name)} is older than what was last written there`);
    }
  }

  async write(name: string, content: Uint8Array | string): Promise<void> {
    const { held } = this.#options;
    const path = this.describe(name);
    // What waits to be written is older than this.
    const waiting = held?.take(path);
    try {
      await this.#write(name, content);
    } catch (error) {
      if (waiting !== undefined && held?.paths().includes(path) === false) held.hold(path, waiting);
      throw error;
    }
  }

  async keep(name: string, content: Uint8Array | string): Promise<boolean> {
    try {
      await this.write(name, content);
      return true;
    } catch (error) {
      const { held } = this.#options;
      if (held === undefined || !(error instanceof StorageFull)) throw error;
      held.hold(this.describe(name), () => this.#write(name, content));
      return false;
    }
  }

  async remove(name: string): Promise<void> {
    const { index, scope, held, replaceable = false } = this.#options;
    const path = this.describe(name);
    held?.take(path);
    const change = {
      sealing: null,
      apply: async (noted?: Promise<void>) => {
        await noted?.catch((error: unknown) => {
          if (!replaceable || !(storageError(error, path) instanceof StorageFull)) throw error;
        });
        await rm(path, { force: true });
      },
      happened: async () => (await this.#sealing(name)) === undefined,
    };
    try {
      if (index === undefined) await change.apply();
      else if (index.has(keyOf(scope, name))) await index.change(keyOf(scope, name), change);
    } catch (error) {
      throw storageError(error, path, "removed");
    }
  }

  async list(): Promise<string[]> {
    const { index, scope } = this.#options;
    if (index !== undefined) {
      const prefix = keyOf(scope, "");
      return [...index.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
    }
    const entries = await readdir(this.#directory);
    return entries
      .filter((entry) => entry.endsWith(sealedSuffix))
      .map((entry) => entry.slice(0, -sealedSuffix.length))
      .filter(isStateFileName);
  }

  describe(name: string): string {
    return join(this.#directory, stateFileName(name) + sealedSuffix);
  }

  async #write(name: string, content: Uint8Array | string): Promise<void> {
    const { index, scope } = this.#options;
    const path = this.describe(name);
    const sealed = this.#sealer.seal(content, contextOf(scope, name));
    try {
      const sealing = sealIdOf(sealed);
      if (index === undefined || sealing === undefined) return await writeFileAtomic(path, sealed);
      await index.change(keyOf(scope, name), {
        sealing,
        apply: (ready) => writeFileAtomic(path, sealed, { ready }),
        happened: async () => (await this.#sealing(name)) === sealing,
      });
    } catch (error) {
      throw storageError(error, path);
    }
  }

  #open(name: string, sealed: Buffer): Buffer {
    const content = openSealed(this.#sealer, sealed, keyOf(this.#options.scope, name))?.content;
    if (content !== undefined) return content;
    throw new HerdError("internal", `${this.describe(name)} is damaged, or was sealed under another state key`);
  }

  async #bytes(name: string): Promise<Buffer | undefined> {
    const path = this.describe(name);
    try {
      return await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new HerdError("internal", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }

  async #sealing(name: string): Promise<string | undefined> {
    const sealed = await this.#bytes(name);
    return sealed && sealIdOf(sealed);
  }
}

/** How an index names a file: `scope/name`. */
export function keyOf(scope: string, name: string): string {
  return `${scope}/${name}`;
}

/**
 * A file's content by its key, `undefined` when it does not open. `indexed` says that it was written since there is an
 * index: nothing else has that in its seal, so that a folder which lost its index does not pass for an older one.
 */
export function openSealed(
  sealer: Sealer,
  sealed: Uint8Array,
  key: string,
): { readonly content: Buffer; readonly indexed: boolean } | undefined {
  const content = sealer.open(sealed, `indexed:${key}`);
  if (content !== undefined) return { content, indexed: true };
  const older = sealer.open(sealed, key);
  return older && { content: older, indexed: false };
}

function contextOf(scope: string, name: string): string {
  return `indexed:${keyOf(scope, name)}`;
}

async function makeFolder(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await syncDirectory(join(directory, ".."));
  } catch (error) {
    // A disk that takes nothing has had the folder for long.
    if (!(await stat(directory).catch(() => undefined))?.isDirectory()) throw error;
  }
}
