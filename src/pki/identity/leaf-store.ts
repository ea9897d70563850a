// A leaf over restarts: the one in service, and its file.

import { keepIn, type StateFiles } from "../../storage/state-files.js";
import type { LeafText } from "./mesh-files.js";

/**
 * Where a kind of leaf is kept and how its text becomes one; `read` throws when chain and key do not belong together.
 */
interface LeafStoreOptions<Leaf extends LeafText> {
  readonly files: StateFiles;
  readonly fileName: "peer-leaf" | "public-leaf";
  readonly read: (certificate: string, key: string) => Leaf;
  /** The leaf when there is no file yet. */
  readonly initial: LeafText | undefined;
}

/** Holds the leaf in service, if there is one. */
export class LeafStore<Leaf extends LeafText> {
  readonly #options: LeafStoreOptions<Leaf>;
  #current: Leaf | undefined;

  private constructor(options: LeafStoreOptions<Leaf>, current: Leaf | undefined) {
    this.#options = options;
    this.#current = current;
  }

  /** Reads the stored leaf. Throws `internal` naming the file when it is damaged. */
  static async open<Leaf extends LeafText>(options: LeafStoreOptions<Leaf>): Promise<LeafStore<Leaf>> {
    const content = await options.files.read(options.fileName);
    const text = content === undefined ? options.initial : parse(content);
    return new LeafStore(options, text === undefined ? undefined : readable(text, options.read));
  }

  get current(): Leaf | undefined {
    return this.#current;
  }

  /**
   * Stores a leaf, which is `current` from then on, also while the disk takes nothing. Throws `TypeError` when chain
   * and key do not belong together.
   */
  async put(certificate: string, key: string): Promise<Leaf> {
    const { files, fileName, read } = this.#options;
    const leaf = read(certificate, key);
    await keepIn(files, { name: fileName, content: JSON.stringify({ certificate, key }) });
    this.#current = leaf;
    return leaf;
  }
}

function parse(content: Buffer): LeafText {
  const { certificate, key } = JSON.parse(content.toString("utf8")) as LeafText;
  return { certificate, key };
}

function readable<Leaf>(
  { certificate, key }: LeafText,
  read: (certificate: string, key: string) => Leaf,
): Leaf | undefined {
  try {
    return read(certificate, key);
  } catch {
    // Nothing is lost with a leaf that another version wrote: a new one takes its place.
    return undefined;
  }
}
