// The work of each function that this node runs, sends away or hears of; bounded, and gone with its revision.

import { type Estimate, type FunctionName, FunctionWork } from "./function-work.js";
import type { Speed } from "./speed.js";

const defaultSize = 10_000;

/** Works by revision and function. When it is full, one makes room that was not looked at for long (the clock algorithm, Corbató 1968). */
export class WorkTable {
  readonly #here: Speed;
  readonly #size: number;
  readonly #revisions = new Map<string, Map<string, FunctionWork>>();
  /** All of them, the next to be looked at for room first. */
  readonly #all = new Set<FunctionWork>();

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
    const work = this.#revisions.get(name.revision)?.get(name.name) ?? this.#add(name);
    work.hear(estimate);
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
