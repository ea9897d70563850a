// The work of each function that this node runs, forwards or has an estimate of; bounded, and dropped with its
// revision.

import type { Speed } from "../routing/speed.js";
import { type FunctionName, FunctionWork } from "./function-work.js";
import type { Estimate } from "./peer-estimates.js";

const defaultSize = 10_000;
/** One peer's estimates of functions that nobody called here take at most this share of the table. */
const peerShare = 1 / 8;
/** Peers whose estimates are bounded one by one. */
const maxPeers = 2_048;

/**
 * Works by revision and function. A full table evicts an entry that was not used for long (the clock algorithm, Corbató
 * 1968).
 */
export class WorkTable {
  readonly #here: Speed;
  readonly #size: number;
  readonly #revisions = new Map<string, Map<string, FunctionWork>>();
  /** All entries, the next candidate for eviction first. */
  readonly #all = new Set<FunctionWork>();
  /** Entries that exist only because of a peer's (its id) estimates, the oldest first. */
  readonly #byPeer = new Map<string, Set<FunctionWork>>();

  constructor(here: Speed, size = defaultSize) {
    this.#here = here;
    this.#size = size;
  }

  /** The work of a function that is called. */
  of(revision: string, name: string): FunctionWork {
    const work = this.#revisions.get(revision)?.get(name) ?? this.#add({ revision, name });
    work.used = true;
    return work;
  }

  /** Takes a peer's estimate of a function. */
  addEstimate(name: FunctionName, estimate: Estimate): void {
    const known = this.#revisions.get(name.revision)?.get(name.name);
    const work = known ?? this.#add(name);
    work.addEstimate(estimate);
    if (known === undefined) this.#bound(estimate.by, work);
  }

  /** All entries. */
  all(): Iterable<FunctionWork> {
    return this.#all;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Drops the functions of a revision that is gone. */
  drop(revision: string): void {
    for (const work of this.#revisions.get(revision)?.values() ?? []) this.#all.delete(work);
    this.#revisions.delete(revision);
  }

  /** Forgets the runs on a node that is gone. */
  forget(speed: Speed): void {
    for (const work of this.#all) work.forget(speed);
  }

  #add(name: FunctionName): FunctionWork {
    if (this.#all.size >= this.#size) this.#makeRoom();
    const work = new FunctionWork(name, this.#here);
    let functions = this.#revisions.get(name.revision);
    if (functions === undefined) {
      functions = new Map();
      this.#revisions.set(name.revision, functions);
    }
    functions.set(name.name, work);
    this.#all.add(work);
    return work;
  }

  /**
   * Bounds the entries that a peer's estimates made: a peer that sends ever more pushes out its own, not those of
   * others.
   */
  #bound(by: string, work: FunctionWork): void {
    const entries = this.#byPeer.get(by) ?? new Set();
    this.#byPeer.delete(by);
    this.#byPeer.set(by, entries.add(work));
    for (const oldest of entries) {
      if (entries.size <= this.#size * peerShare) break;
      entries.delete(oldest);
      if (oldest.samples === 0 && !oldest.used && this.#all.delete(oldest)) this.#remove(oldest);
    }
    for (const [peer] of this.#byPeer) {
      if (this.#byPeer.size <= maxPeers) break;
      this.#byPeer.delete(peer);
    }
  }

  #makeRoom(): void {
    // An entry that was used loses its mark and goes to the end of the set, so this loop ends.
    for (const work of this.#all) {
      this.#all.delete(work);
      if (!work.used) {
        this.#remove(work);
        return;
      }
      work.used = false;
      this.#all.add(work);
    }
  }

  #remove({ revision, name }: FunctionWork): void {
    const functions = this.#revisions.get(revision);
    functions?.delete(name);
    if (functions?.size === 0) this.#revisions.delete(revision);
  }
}
