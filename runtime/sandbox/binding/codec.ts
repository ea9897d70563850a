// Interfaces that lower and lift the values of one type, and the budget of a result while it is lifted.
import { HerdError } from "../../../src/core/errors.js";
import type { CoreValue } from "../web-assembly.js";
import type { Heap } from "./heap.js";

/** Checks and lowers values of one type; both methods throw a Mismatch for a value of another type. */
export interface Lowerer {
  /** Appends the core values of `value` to `flat`. */
  flatten(heap: Heap, value: unknown, flat: CoreValue[]): void;
  /** Writes `value` at `address`, which was allocated for it. */
  store(heap: Heap, value: unknown, address: number): void;
}

/** Remaining size of one result: a guest can point a million times at the same megabyte. */
export class LiftBudget {
  readonly #limit: number;
  #left: number;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
    this.#left = limitBytes;
  }

  /** Takes `bytes` from the budget; throws HerdError `function.result-too-large` when too few are left. */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw tooLarge(this.#limit);
  }
}

/**
 * Returns `json` when its UTF-8 fits `limitBytes`. The budget while lifting counts UTF-16 units, which are never more.
 */
export function checkResult(json: string, limitBytes: number): string {
  if (json.length * 3 > limitBytes && Buffer.byteLength(json) > limitBytes) throw tooLarge(limitBytes);
  return json;
}

function tooLarge(limitBytes: number): HerdError {
  return new HerdError("function.result-too-large", `the result is larger than ${limitBytes} bytes of JSON`);
}

/** Lifts values of one type to JSON text. */
export interface Lifter {
  /** The value at `address`, which is checked to lie inside the memory. */
  load(heap: Heap, address: number, budget: LiftBudget): string;
  /** The value whose only core value is `value`; only types that flatten to one core value have it. */
  unflatten?(value: CoreValue): string;
}
