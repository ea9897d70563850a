// The budget of types: the engine keeps each distinct type of every module for as long as the process lives.
import { createHash } from "node:crypto";
import { HerdError } from "../../../src/core/errors.js";
import type { TypeGroup } from "./core-types.js";

/** Slots for types, a power of two; only those that are used take memory. The last word counts the types. */
const slots = 2 ** 18;

/** The memory of a budget, which all threads of a process share. */
export function typeTable(): SharedArrayBuffer {
  return new SharedArrayBuffer(BigUint64Array.BYTES_PER_ELEMENT * (slots + 1));
}

/**
 * Counts the distinct types that modules brought into the process. V8 ends a process with a million
 * (`kMaxCanonicalTypes` of its `wasm-limits.h`).
 */
export class TypeBudget {
  /** Open addressing by 64 bits of a digest; 0 is an empty slot. */
  readonly #table: BigUint64Array;
  readonly #most: number;

  /** `most` types are admitted into `table`, fewer than it has slots. */
  constructor(table: SharedArrayBuffer, most: number) {
    this.#table = new BigUint64Array(table);
    this.#most = most;
  }

  /**
   * Admits a module's types: to be called before the engine reads the module, by one thread at a time. Throws HerdError
   * `node.unavailable`, and admits none, when those that are new exceed the budget.
   */
  admit(core: Uint8Array, groups: readonly TypeGroup[]): void {
    const unknown = [...typeKeys(core, groups)].filter((key) => this.#table[this.#slotOf(key)] !== key);
    const count = Number(this.#table[slots] ?? 0n) + unknown.length;
    if (count > this.#most) {
      const full = `the modules of this process have ${this.#most} distinct types, the most that it may keep`;
      throw new HerdError("node.unavailable", `${full}; a restart frees them`, { retryAfterSeconds: 60 });
    }
    for (const key of unknown) this.#table[this.#slotOf(key)] = key;
    this.#table[slots] = BigInt(count);
  }

  /** The slot that holds the key, or the empty one that would. */
  #slotOf(key: bigint): number {
    let slot = Number(key & BigInt(slots - 1));
    while (this.#table[slot] !== 0n && this.#table[slot] !== key) slot = (slot + 1) % slots;
    return slot;
  }
}

/**
 * A key for each type. That of a type that names others by their index stands for all bytes up to it, since these
 * decide what the index means: the same type counts again in another module, and two types never count as one.
 */
function typeKeys(core: Uint8Array, groups: readonly TypeGroup[]): Set<bigint> {
  const keys = new Set<bigint>();
  const prefix = createHash("sha256");
  for (const { start, end, types, namesTypes } of groups) {
    const bytes = core.subarray(start, end);
    prefix.update(bytes);
    const digest = (namesTypes ? prefix.copy() : createHash("sha256").update(bytes)).digest();
    const key = digest.readBigUInt64LE();
    for (let index = 0; index < types; index++) keys.add(BigInt.asUintN(64, key + BigInt(index)) || 1n);
  }
  return keys;
}
