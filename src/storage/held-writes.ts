// Writes that a full disk refused and that must not be lost: held in memory, and tried again until the disk takes them.

import { Backoff } from "../core/backoff.js";
import type { Timers } from "../core/timers.js";
import { StorageFull, storageError } from "./storage-error.js";

const retryMs = { firstMs: 1_000, lastMs: 30_000 };

/** A write of one file; it rejects when the disk still takes nothing. */
type HeldWrite = () => Promise<void>;

/** Holds one write a file, the latest. Nothing runs while nothing is held. */
export class HeldWrites {
  readonly #timers: Timers;
  readonly #held = new Map<string, HeldWrite>();
  readonly #listeners = new Set<() => void>();
  #cancel: (() => void) | undefined;
  readonly #backoff = new Backoff(retryMs);
  #flushing: Promise<void> | undefined;
  #stopped = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Paths of the files that wait. */
  paths(): string[] {
    return [...this.#held.keys()];
  }

  /** Writes `path` now, or holds that when the disk takes nothing. Throws what else goes wrong. */
  async keep(path: string, write: HeldWrite): Promise<void> {
    this.take(path);
    try {
      await write();
    } catch (error) {
      if (!(storageError(error, path) instanceof StorageFull)) throw error;
      this.hold(path, write);
    }
  }

  /** Holds a write of `path` in the place of an earlier one. */
  hold(path: string, write: HeldWrite): void {
    const first = this.#held.size === 0;
    this.#held.set(path, write);
    this.#plan();
    if (first) this.#tell();
  }

  /** Takes a file's write out, for a caller that writes the file itself. */
  take(path: string): HeldWrite | undefined {
    const write = this.#held.get(path);
    if (this.#held.delete(path) && this.#held.size === 0) this.#tell();
    return write;
  }

  /** Calls `listener` when the first write waits, and when none does any more; returns the function that ends that. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tries every write once, now; resolves whether or not they succeed. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /** Tries no more by itself, nor after a try that is under way: by then the folder may be another process'. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #flush(): Promise<void> {
    const before = this.#held.size;
    for (const [path, write] of [...this.#held]) {
      if (this.#held.get(path) !== write) continue;
      this.#held.delete(path);
      try {
        await write();
      } catch {
        // A later write of the same file holds all of this one.
        if (!this.#held.has(path)) this.#held.set(path, write);
      }
    }
    if (before > 0 && this.#held.size === 0) this.#tell();
  }

  #plan(): void {
    if (this.#stopped) return;
    this.#cancel ??= this.#timers.after(this.#backoff.next(), () => {
      this.#cancel = undefined;
      void this.flush().then(() => {
        if (this.#held.size === 0) this.#backoff.reset();
        else this.#plan();
      });
    });
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
