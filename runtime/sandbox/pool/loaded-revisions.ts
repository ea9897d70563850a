// The revisions that one thread has loaded, as the main thread counts them: a cache bounded by memory and by number.
import type { NumberedRevision } from "../messages.js";
import type { PreparedRevision } from "../prepared-revision.js";

/** What the loaded revisions of a thread may take, in bytes. */
const maxBytes = 256 * 1024 * 1024;
/**
 * Instances that all threads together may have. V8 reserves 8 to 10 GiB of addresses for each linear memory; a process
 * has room for some 13,000 on x64.
 */
const maxInstances = 8_192;
/** An instance's snapshot is at most as large as its memory, and this. */
const maxSnapshotBytes = 2 * 1024 * 1024;
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

/**
 * Random replacement: where calls go round more revisions than fit, the least recently used one would be the very next
 * that is needed.
 */
export class LoadedRevisions {
  readonly #maxCount: number;
  readonly #random: () => number;
  readonly #loaded = new Map<string, LoadedRevision>();
  #sum = 0;
  #nextId = 0;

  /** `threads` is the number of threads that share the process. */
  constructor(threads: number, random: () => number = Math.random) {
    this.#maxCount = Math.floor(maxInstances / threads);
    this.#random = random;
  }

  /** How many revisions the thread has. */
  get size(): number {
    return this.#loaded.size;
  }

  /** The number by which the thread knows `revision`; undefined when it does not have it. */
  idOf(revision: string): number | undefined {
    return this.#loaded.get(revision)?.id;
  }

  /** The plan for a batch of calls of `needed`; undefined when the thread has all of them. */
  plan(needed: readonly { readonly prepared: PreparedRevision }[]): LoadPlan | undefined {
    let load: NumberedRevision[] | undefined;
    for (const { prepared } of needed) {
      if (this.#loaded.has(prepared.revision)) continue;
      load ??= [];
      load.push({ id: this.#add(prepared), prepared });
    }
    return load && { load, drop: this.#evict(new Set(needed.map(({ prepared }) => prepared.revision))) };
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
    return known.id;
  }

  get #fits(): boolean {
    return this.#sum <= maxBytes && this.#loaded.size <= this.#maxCount;
  }

  #add({ revision, memoryBytes, interfaceBytes }: PreparedRevision): number {
    const id = this.#nextId++;
    const snapshotBytes = Math.min(memoryBytes, maxSnapshotBytes);
    const bytes = memoryBytes + snapshotBytes + interfaceBytes * heapPerInterfaceByte;
    this.#loaded.set(revision, { id, bytes });
    this.#sum += bytes;
    return id;
  }

  #evict(pinned: ReadonlySet<string>): number[] {
    const dropped: number[] = [];
    if (this.#fits) return dropped;
    const victims = [...this.#loaded.keys()].filter((revision) => !pinned.has(revision));
    while (!this.#fits && victims.length > 0) {
      const [victim = ""] = victims.splice(Math.floor(this.#random() * victims.length), 1);
      const id = this.forget(victim);
      if (id !== undefined) dropped.push(id);
    }
    return dropped;
  }
}
