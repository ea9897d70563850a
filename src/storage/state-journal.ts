// A sealed file that only grows: frames in a chain, of which a crash can tear the last, and which is now and then
// written anew.

import { close, fdatasync, ftruncate, open, write } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { HerdError } from "../core/errors.js";
import { writeFileAtomic } from "./atomic-file.js";
import { disk } from "./disk.js";
import { type Sealer, sealIdOf } from "./sealer.js";

const lengthBytes = 4;
const frameLimitBytes = 256 * 1024 * 1024;

/**
 * What a journal held when it was opened: the texts of its frames, and whether bytes behind the last one mean nothing.
 */
interface OpenedJournal {
  readonly journal: StateJournal;
  readonly texts: readonly string[];
  readonly torn: boolean;
}

/**
 * Frames of 4 bytes of length (big-endian) and a sealed text. A frame's context names its number and the sealing before
 * it, so that none can be left out, moved, or taken from an older file. One append at a time.
 */
export class StateJournal {
  readonly path: string;
  readonly #sealer: Sealer;
  #descriptor: number | undefined;
  #length = 0;
  #frames = 0;
  #previous = "";
  /** Whether it is not known what the file holds, since writing it anew failed half-way. */
  #uncertain = true;

  private constructor(path: string, sealer: Sealer) {
    this.path = path;
    this.#sealer = sealer;
  }

  /**
   * Opens a journal; `undefined` when there is none. Throws `internal` naming a file whose first frame cannot be read.
   */
  static async open(path: string, sealer: Sealer): Promise<OpenedJournal | undefined> {
    let content: Buffer;
    try {
      content = await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new HerdError("internal", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
    const journal = new StateJournal(path, sealer);
    const texts = journal.#read(content);
    if (texts.length === 0) {
      throw new HerdError("internal", `${path} is damaged, or was sealed under another state key`);
    }
    journal.#uncertain = false;
    return { journal, texts, torn: journal.#length < content.length };
  }

  /** Makes a journal with one frame. */
  static async create(path: string, sealer: Sealer, text: string): Promise<StateJournal> {
    const journal = new StateJournal(path, sealer);
    await journal.rewrite(text);
    return journal;
  }

  /** Bytes of all frames. */
  get length(): number {
    return this.#length;
  }

  /** Whether nothing can be appended before {@link rewrite} succeeds. */
  get needsRewrite(): boolean {
    return this.#uncertain;
  }

  /** Adds a frame; with `sync` it is durable when this resolves, else when a later one is. */
  async append(text: string, { sync }: { readonly sync: boolean }): Promise<void> {
    const frame = this.#frame(text, { number: this.#frames, previous: this.#previous });
    disk.beforeWrite(this.path, frame.bytes.length);
    this.#descriptor ??= await promisify(open)(this.path, "r+");
    try {
      let written = 0;
      while (written < frame.bytes.length) {
        const rest = frame.bytes.length - written;
        const at = this.#length + written;
        const { bytesWritten } = await promisify(write)(this.#descriptor, frame.bytes, written, rest, at);
        written += bytesWritten;
      }
      if (sync) await promisify(fdatasync)(this.#descriptor);
    } catch (error) {
      // A part of a frame means nothing, and the next one is written over it.
      await promisify(ftruncate)(this.#descriptor, this.#length).catch(() => undefined);
      throw error;
    }
    this.#length += frame.bytes.length;
    this.#frames++;
    this.#previous = frame.id;
  }

  /** Replaces all frames by one, durably. */
  async rewrite(text: string): Promise<void> {
    const frame = this.#frame(text, { number: 0, previous: "" });
    // Windows replaces no file that is open.
    await this.close();
    this.#uncertain = true;
    await writeFileAtomic(this.path, frame.bytes);
    this.#uncertain = false;
    this.#length = frame.bytes.length;
    this.#frames = 1;
    this.#previous = frame.id;
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) await promisify(close)(descriptor);
  }

  #frame(text: string, place: Place): { readonly bytes: Buffer; readonly id: string } {
    const sealed = this.#sealer.seal(text, contextOf(place));
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt32BE(sealed.length);
    return { bytes: Buffer.concat([length, sealed]), id: sealIdOf(sealed) ?? "" };
  }

  /** The texts up to the first frame that is not whole: what stands behind it was never durable, or is not ours. */
  #read(content: Buffer): string[] {
    const texts: string[] = [];
    while (this.#length + lengthBytes <= content.length) {
      const bytes = content.readUInt32BE(this.#length);
      const from = this.#length + lengthBytes;
      if (bytes > frameLimitBytes || from + bytes > content.length) break;
      const sealed = content.subarray(from, from + bytes);
      const text = this.#sealer.open(sealed, contextOf({ number: this.#frames, previous: this.#previous }));
      if (text === undefined) break;
      texts.push(text.toString("utf8"));
      this.#length = from + bytes;
      this.#frames++;
      this.#previous = sealIdOf(sealed) ?? "";
    }
    return texts;
  }
}

interface Place {
  readonly number: number;
  readonly previous: string;
}

function contextOf({ number, previous }: Place): string {
  return `state-index/${number}/${previous}`;
}
