// The work of each function that this node runs, sends away or hears of; bounded, and gone with its revision.

import type { Speed } from "../routing/speed.js";
import { type FunctionName, FunctionWork } from "./function-work.js";
import type { Estimate } from "./peer-estimates.js";

const defaultSize = 10_000;
/** Of functions that nobody called here, one peer can keep this share of the table. */
const toldShare = 1 / 8;
/** Peers whose tells are told apart. */
const maxTellers = 2_048;

/**
 * Works by revision and function. When it is full, one makes room that was not looked at for long (the clock algorithm, Corbató
 * 1968).
 */
export class WorkTable {
  readonly #here: Speed;
  readonly #size: number;
  readonly #revisions = new Map<string, Map<string, FunctionWork>>();
  /** All of them, the next to be looked at for room first. */
  readonly #all = new Set<FunctionWork>();
  /** Those that stand here since a peer (its id) told of them, the oldest first. */
  readonly #told = new Map<string, Set<FunctionWork>>();

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

  /** Takes what a peer says of a function. */
  hear(name: FunctionName, estimate: Estimate): void {
    const known = this.#revisions.get(name.revision)?.get(name.name);
    const work = known ?? this.#add(name);
    work.hear(estimate);
    if (known === undefined) this.#bound(estimate.by, work);
  }

  /** All of them. */
  all(): Iterable<FunctionWork> {
    return this.#all;
  }

  get size(): number {
    return this.#all.size;
  }

  /** A revision is gone. */
  drop(revision: string): void {
    for (const work of this.#revisions.get(revision)?.values() ?? []) this.#all.delete(work);
    this.#revisions.delete(revision);
  }

  /** A node is gone. */
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

  /** A peer that tells of ever more functions pushes out its own, not those that others know. */
  #bound(by: string, work: FunctionWork): void {
    const told = this.#told.get(by) ?? new Set();
    this.#told.delete(by);
    this.#told.set(by, told.add(work));
    for (const oldest of told) {
      if (told.size <= this.#size * toldShare) break;
      told.delete(oldest);
      if (oldest.samples === 0 && !oldest.used && this.#all.delete(oldest)) this.#remove(oldest);
    }
    for (const [peer] of this.#told) {
      if (this.#told.size <= maxTellers) break;
      this.#told.delete(peer);
    }
  }

  #makeRoom(): void {
    // Those that were used go behind the others, so this ends.
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
