// The revisions that one thread has loaded, as the main thread counts them: an LRU cache.
import type { NumberedRevision } from "../messages.js";
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
  readonly load: readonly NumberedRevision[];
  readonly drop: readonly number[];
}

interface LoadedRevision {
  readonly id: number;
  readonly bytes: number;
}

/** Bounded by count, and by the memory that instances start with and bindings take. */
export class LoadedRevisions {
  /** In order of last use. */
  readonly #loaded = new Map<string, LoadedRevision>();
  #sum = 0;
  #nextId = 0;
  #latest = "";
  #latestId = -1;

  /** How many revisions the thread has. */
  get size(): number {
    return this.#loaded.size;
  }

  /** The number by which the thread knows `revision`; undefined when it does not have it. */
  idOf(revision: string): number | undefined {
    return revision === this.#latest ? this.#latestId : this.#loaded.get(revision)?.id;
  }

  /** The plan for a batch of calls of `needed`; undefined when the thread has all of them. */
  plan(needed: readonly { readonly prepared: PreparedRevision }[]): LoadPlan | undefined {
    let load: NumberedRevision[] | undefined;
    for (const { prepared } of needed) {
      if (prepared.revision === this.#latest) continue;
      const known = this.#loaded.get(prepared.revision);
      const id = known?.id ?? this.#nextId++;
      if (known === undefined) {
        load ??= [];
        load.push({ id, prepared });
      }
      this.#touch(prepared, id);
    }
    return load === undefined
      ? undefined
      : { load, drop: this.#evict(new Set(needed.map(({ prepared }) => prepared.revision))) };
  }

  /**
   * Counts that the thread drops `revision` with its next batch. The number of the revision; undefined when the thread
   * does not have it.
   */
  forget(revision: string): number | undefined {
    const known = this.#loaded.get(revision);
    if (known === undefined) return undefined;
    this.#loaded.delete(revision);
    this.#sum -= known.bytes;
    if (this.#latest === revision) this.#latest = "";
    return known.id;
  }

  #touch({ revision, memoryBytes, interfaceBytes }: PreparedRevision, id: number): void {
    this.forget(revision);
    const bytes = memoryBytes + interfaceBytes * heapPerInterfaceByte;
    this.#loaded.set(revision, { id, bytes });
    this.#sum += bytes;
    this.#latest = revision;
    this.#latestId = id;
  }

  #evict(pinned: ReadonlySet<string>): number[] {
    const dropped: number[] = [];
    for (const revision of [...this.#loaded.keys()]) {
      if (this.#loaded.size <= maxRevisions && this.#sum <= maxMemoryBytes) break;
      const id = pinned.has(revision) ? undefined : this.forget(revision);
      if (id !== undefined) dropped.push(id);
    }
    return dropped;
  }
}
