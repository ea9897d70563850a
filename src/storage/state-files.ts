// A folder of small named files as its users see it: whole or absent. On disk it is sealed-files.ts, in memory it is
// here.

/**
 * Files by name. A write is durable and whole when it resolves; readers see the old content or the new. Names match
 * {@link isStateFileName}; another one is a programmer's mistake and throws `TypeError`.
 */
export interface StateFiles {
  /** Content of a file, `undefined` when there is none. Throws `internal` naming the file when it is damaged. */
  read(name: string): Promise<Buffer | undefined>;
  /** Throws `storage.full`, naming the folder, when the disk takes nothing now. */
  write(name: string, content: Uint8Array | string): Promise<void>;
  /**
   * Writes what must not be lost to a full disk: then the content waits in memory, is tried again until it is durable
   * or replaced, and the answer is `false`. Files that never fill up have no need of it: see {@link keepIn}.
   */
  keep?(name: string, content: Uint8Array | string): Promise<boolean>;
  /** Removes a file; one that is not there is fine. */
  remove(name: string): Promise<void>;
  /** The names that are there, in no order. */
  list(): Promise<string[]>;
  /** How messages name a file: its path on disk. */
  describe(name: string): string;
}

const pattern = /^[a-z0-9][a-z0-9-]{0,127}$/;

/** Whether a text can name a state file: lower-case letters, digits and hyphens. */
export function isStateFileName(name: string): boolean {
  return pattern.test(name);
}

/** Returns a name that cannot leave its folder, or throws `TypeError`. */
export function stateFileName(name: string): string {
  if (!isStateFileName(name)) throw new TypeError(`not a state file name: ${JSON.stringify(name.slice(0, 64))}`);
  return name;
}

/**
 * Writes by {@link StateFiles.keep} where there is one: whether the content is durable. Throws as `write` does for all
 * but a full disk.
 */
export async function keepIn(
  files: StateFiles,
  { name, content }: { readonly name: string; readonly content: Uint8Array | string },
): Promise<boolean> {
  if (files.keep !== undefined) return files.keep(name, content);
  await files.write(name, content);
  return true;
}

/** {@link StateFiles} that end with the process, for `--ephemeral`. */
export class MemoryFiles implements StateFiles {
  readonly #files = new Map<string, Buffer>();

  async read(name: string): Promise<Buffer | undefined> {
    const content = this.#files.get(stateFileName(name));
    return content === undefined ? undefined : Buffer.from(content);
  }

  async write(name: string, content: Uint8Array | string): Promise<void> {
    this.#files.set(stateFileName(name), Buffer.from(content));
  }

  async remove(name: string): Promise<void> {
    this.#files.delete(stateFileName(name));
  }

  async list(): Promise<string[]> {
    return [...this.#files.keys()];
  }

  describe(name: string): string {
    return `memory:${name}`;
  }
}
