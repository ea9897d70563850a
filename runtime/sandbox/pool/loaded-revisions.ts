// The revisions that one thread has loaded, as the main thread counts them: an LRU cache.
import type { PreparedRevision } from "../prepared-revision.js";

const maxRevisions = 64;
const maxMemoryBytes = 256 * 1024 * 1024;

/**
 * Heap bytes of an interface's model and all its bindings, per byte of its text. Measured: 19 for scalar fields only,
 * less elsewhere.
 */
const heapPerInterfaceByte = 30;

/** Revisions that a thread must load and drop before a batch. */
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

  /** How many revisions the thread has. */
  get size(): number {
    return this.#bytes.size;
  }

  /** Whether the thread has `revision`. */
  has(revision: string): boolean {
    return this.#bytes.has(revision);
  }

  /** The plan for a batch of `needed`; undefined when the thread has all of them. */
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

  /** Marks that the thread drops `revision` with its next batch; false when the thread does not have it. */
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
