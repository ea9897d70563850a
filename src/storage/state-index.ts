// What a state folder must hold: which sealing of which file, written down before the file changes.

import { dirname, join } from "node:path";
import { HerdError } from "../core/errors.js";
import { syncDirectory } from "./atomic-file.js";
import type { Sealer } from "./sealer.js";
import { SharedWrites } from "./shared-writes.js";
import { StateJournal } from "./state-journal.js";

/** File name of the index in a state folder. */
export const indexFileName = "index.sealed";

const version = 1;
const journalFloorBytes = 256 * 1024;

/**
 * A file by its key, such as `registry/revocation-0`: the sealing that is there, and those that a write under way may
 * leave.
 */
interface Entry {
  /** `undefined`: no file. */
  now: string | undefined;
  /** `null`: no file. */
  next: (string | null)[];
}

type Sealings = Record<string, string | null>;

/** A frame: how many changes there were, the sealings that are about to come, and those that came. */
interface Frame {
  readonly counter: number;
  readonly next?: Record<string, string | null | (string | null)[]>;
  readonly now?: Sealings;
}

interface Item {
  readonly key: string;
  readonly next?: string | null;
}

/** A change of one file: what it will be (`null`: no file), and how it is made so. */
interface FileChange {
  readonly sealing: string | null;
  /** Makes the change, not before `noted` came true. */
  apply(noted: Promise<void>): Promise<void>;
  /** After a failure: whether the file may be changed all the same. */
  happened(): Promise<boolean>;
}

/**
 * The index of a state folder, over a {@link StateJournal}. A change is on disk here before it happens to its file
 * (`next`), and is confirmed after (`now`, durable with a later change): a crash at any moment leaves a file that is
 * one of those that the index allows. A file that is none of them was put back, and one that the index does not know is
 * not of this state.
 */
export class StateIndex {
  readonly path: string;
  readonly #journal: StateJournal;
  readonly #entries: Map<string, Entry>;
  readonly #turns = new Map<string, Promise<void>>();
  readonly #writes = new SharedWrites<Item, undefined>({ write: (batch) => this.#write(batch) });
  /** Keys whose file is settled, for the next frame. */
  #settled = new Set<string>();
  /**
   * Keys of files that were removed, whose folders may still have them after a power cut: a removal under way, for the
   * next start.
   */
  readonly #gone = new Set<string>();
  #counter: number;
  #snapshotBytes: number;
  /** Whether the journal ended in bytes that mean nothing when it was opened: a crash's, or damage. */
  readonly torn: boolean;

  private constructor(parts: { journal: StateJournal; entries: Map<string, Entry>; counter: number; torn: boolean }) {
    this.path = parts.journal.path;
    this.#journal = parts.journal;
    this.#entries = parts.entries;
    this.#counter = parts.counter;
    this.#snapshotBytes = parts.journal.length;
    this.torn = parts.torn;
  }

  /** Opens the index; `undefined` when there is none. Throws `internal` naming it when it is damaged. */
  static async open(path: string, sealer: Sealer): Promise<StateIndex | undefined> {
    const opened = await StateJournal.open(path, sealer);
    if (opened === undefined) return undefined;
    const { journal, texts, torn } = opened;
    const entries = new Map<string, Entry>();
    let counter = 0;
    for (const [index, text] of texts.entries()) {
      // Authenticated, so only another version of this program can have written another shape.
      const frame = JSON.parse(text) as Frame & { readonly version?: unknown };
      if (index === 0 && frame.version !== version) {
        throw new HerdError("internal", `${path} was written by another version`);
      }
      counter = frame.counter;
      read(frame, entries);
    }
    return new StateIndex({ journal, entries, counter, torn });
  }

  /** Makes an index of files that are there: their sealings by key. */
  static async create(
    path: string,
    sealer: Sealer,
    { present }: { readonly present: ReadonlyMap<string, string> },
  ): Promise<StateIndex> {
    const entries = new Map([...present].map(([key, now]): [string, Entry] => [key, { now, next: [] }]));
    const journal = await StateJournal.create(path, sealer, snapshot(entries, 1));
    return new StateIndex({ journal, entries, counter: 1, torn: false });
  }

  /** Changes so far: it only grows. */
  get counter(): number {
    return this.#counter;
  }

  /** Keys of every file that must be there. */
  *keys(): Iterable<string> {
    for (const [key, { now, next }] of this.#entries) if (now !== undefined && !next.includes(null)) yield key;
  }

  /** Whether a file must be there. */
  has(key: string): boolean {
    const entry = this.#entries.get(key);
    return entry?.now !== undefined && !entry.next.includes(null);
  }

  /** Whether a file may be this sealing; `undefined`: whether it may be absent. */
  allows(key: string, sealing: string | undefined): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return sealing === undefined;
    return entry.now === sealing || entry.next.includes(sealing ?? null);
  }

  /** The sealing that a file has while no change of it is under way. */
  currentSeal(key: string): string | undefined {
    return this.#entries.get(key)?.now;
  }

  /** What a file may be now, as a text that differs after each change. */
  stamp(key: string): string {
    const { now, next } = this.#entries.get(key) ?? { now: undefined, next: [] };
    return JSON.stringify([now, next]);
  }

  /** Keys of changes that were under way when the process ended. */
  unsettled(): string[] {
    return [...this.#entries].flatMap(([key, { next }]) => (next.length > 0 ? [key] : []));
  }

  /** Whether a removal was under way. */
  isLeaving(key: string): boolean {
    return this.#entries.get(key)?.next.includes(null) === true;
  }

  /**
   * Runs one change of a file. Changes of one file happen one after the other. Rejects as `apply` does, and when the
   * index cannot be written.
   */
  async change(key: string, change: FileChange): Promise<void> {
    const before = this.#turns.get(key);
    const turn = (async () => {
      await before?.catch(() => undefined);
      await this.#change(key, change);
    })();
    this.#turns.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
  }

  /** Says what a file is: for changes that were under way. Durable with a later change. */
  settle(key: string, sealing: string | undefined): void {
    if (sealing === undefined) this.#entries.delete(key);
    else this.#entries.set(key, { now: sealing, next: [] });
    this.#settled.add(key);
  }

  /** Writes the index anew, without what is over. */
  async compact(): Promise<void> {
    await this.#writes.idle();
    await this.#rewrite();
  }

  /** Whether no change is under way. */
  get isIdle(): boolean {
    return this.#turns.size === 0 && this.#writes.isIdle;
  }

  /** Waits for what is under way and closes the file. */
  async close(): Promise<void> {
    await this.#writes.idle();
    await this.#journal.close();
  }

  async #change(key: string, { sealing, apply, happened }: FileChange): Promise<void> {
    const entry = this.#entries.get(key) ?? { now: undefined, next: [] };
    this.#entries.set(key, entry);
    this.#gone.delete(key);
    entry.next.push(sealing);
    const noted = this.#writes.add({ key, next: sealing }).then(() => undefined);
    noted.catch(() => undefined);
    try {
      await apply(noted);
    } catch (error) {
      if (!(await happened().catch(() => true))) entry.next.pop();
      if (entry.now === undefined && entry.next.length === 0) this.#entries.delete(key);
      throw error;
    }
    if (sealing === null) {
      entry.next = [null];
      this.#gone.add(key);
      // Where the file had to go before there was room to note it.
      await noted.catch(() => this.#writes.add({ key, next: null })).catch(() => undefined);
      return;
    }
    entry.now = sealing;
    entry.next = [];
    this.#settled.add(key);
    // The file is as it should be: that this is not noted yet is made up for by the next change.
    await this.#writes.add({ key }).catch(() => undefined);
  }

  async #write(batch: readonly Item[]): Promise<readonly undefined[]> {
    const counter = this.#counter + 1;
    const next: Sealings = {};
    for (const item of batch) if (item.next !== undefined) next[item.key] = item.next;
    const sync = Object.keys(next).length > 0;
    const told = [...this.#settled];
    if (!sync && told.length === 0) return [];
    if (this.#journal.needsRewrite || this.#journal.length > 2 * this.#snapshotBytes + journalFloorBytes) {
      await this.#rewrite();
      return [];
    }
    const now = Object.fromEntries(told.map((key) => [key, this.#entries.get(key)?.now ?? null]));
    this.#settled = new Set();
    try {
      await this.#journal.append(JSON.stringify({ counter, next, now } satisfies Frame), { sync });
    } catch (error) {
      for (const key of told) this.#settled.add(key);
      throw error;
    }
    this.#counter = counter;
    return [];
  }

  async #rewrite(): Promise<void> {
    await this.#forgetGone();
    const counter = this.#counter + 1;
    const told = this.#settled;
    this.#settled = new Set();
    try {
      await this.#journal.rewrite(snapshot(this.#entries, counter));
    } catch (error) {
      for (const key of told) this.#settled.add(key);
      throw error;
    }
    this.#snapshotBytes = this.#journal.length;
    this.#counter = counter;
  }

  /** Once their folders are synced, files that were removed need no mention. */
  async #forgetGone(): Promise<void> {
    const gone = [...this.#gone];
    const scopes = new Set(gone.map((key) => dirname(key)));
    await Promise.all([...scopes].map((scope) => syncDirectory(join(dirname(this.path), scope))));
    for (const key of gone) {
      if (this.#gone.delete(key)) this.#entries.delete(key);
    }
  }
}

function read({ next = {}, now = {} }: Frame, entries: Map<string, Entry>): void {
  for (const [key, sealing] of Object.entries(now)) {
    if (sealing === null) entries.delete(key);
    else entries.set(key, { now: sealing, next: [] });
  }
  for (const [key, sealings] of Object.entries(next)) {
    const entry = entries.get(key) ?? { now: undefined, next: [] };
    entry.next.push(...[sealings].flat());
    entries.set(key, entry);
  }
}

function snapshot(entries: ReadonlyMap<string, Entry>, counter: number): string {
  const now: Sealings = {};
  const next: Record<string, (string | null)[]> = {};
  for (const [key, entry] of entries) {
    if (entry.now !== undefined) now[key] = entry.now;
    if (entry.next.length > 0) next[key] = entry.next;
  }
  return JSON.stringify({ version, counter, now, next });
}
