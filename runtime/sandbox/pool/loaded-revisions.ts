// What one thread has loaded, as the main thread keeps account of it: the least recently used go first.
import type { PreparedRevision } from "../prepared-revision.js";

const maxRevisions = 64;
const maxMemoryBytes = 256 * 1024 * 1024;

/**
 * Heap of an interface's model and of all its bindings for a byte of its text; measured: 19 where all is scalar fields,
 * less elsewhere.
 */
const heapPerInterfaceByte = 30;

/** What a thread must do before a batch. */
export interface LoadPlan {
  readonly load: readonly PreparedRevision[];
  readonly drop: readonly string[];
}

/** Bounded by count, and by the memory that instances start with and bindings take. */
export class LoadedRevisions {
  /** In order of last use. */
  readonly #bytes = new Map<string, number>();
  #sum = 0;
  #latest = "";

  /** How many the thread has. */
  get size(): number {
    return this.#bytes.size;
  }

  /** Whether the thread has `revision`. */
  has(revision: string): boolean {
    return this.#bytes.has(revision);
  }

  /** What must be loaded and dropped so that all of `needed` can run; undefined when the thread is ready. */
  plan(needed: readonly PreparedRevision[]): LoadPlan | undefined {
    let load: PreparedRevision[] | undefined;
    for (const prepared of needed) {
      if (prepared.revision === this.#latest) continue;
      if (!this.has(prepared.revision)) {
        load ??= [];
        load.push(prepared);
      }
      this.#touch(prepared);
    }
    return load === undefined
      ? undefined
      : { load, drop: this.#evict(new Set(needed.map(({ revision }) => revision))) };
  }

  /** The thread is to drop `revision` with its next batch; false when it has none. */
  forget(revision: string): boolean {
    const bytes = this.#bytes.get(revision);
    if (bytes === undefined) return false;
    this.#bytes.delete(revision);
    this.#sum -= bytes;
    if (this.#latest === revision) this.#latest = "";
    return true;
  }

  #touch({ revision, memoryBytes, interfaceBytes }: PreparedRevision): void {
    this.forget(revision);
    const bytes = memoryBytes + interfaceBytes * heapPerInterfaceByte;
    this.#bytes.set(revision, bytes);
    this.#sum += bytes;
    this.#latest = revision;
  }

  #evict(pinned: ReadonlySet<string>): string[] {
    const dropped: string[] = [];
    for (const revision of [...this.#bytes.keys()]) {
      if (this.#bytes.size <= maxRevisions && this.#sum <= maxMemoryBytes) break;
      if (!pinned.has(revision) && this.forget(revision)) dropped.push(revision);
    }
    return dropped;
  }
}
