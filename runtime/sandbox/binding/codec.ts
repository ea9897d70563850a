// Interfaces that lower and lift the values of one type, and the budget of a result while it is lifted.

import type { CoreValue } from "../web-assembly.js";
import type { Heap } from "./heap.js";
import type { LiftBudget } from "./result-budget.js";

/** Checks and lowers values of one type; both methods throw a Mismatch for a value of another type. */
export interface Lowerer {
  /** Appends the core values of `value` to `flat`. */
  flatten(heap: Heap, value: unknown, flat: CoreValue[]): void;
  /** Writes `value` at `address`, which was allocated for it. */
  store(heap: Heap, value: unknown, address: number): void;
}

/** Lifts values of one type to JSON text. */
export interface Lifter {
  /** The value at `address`, which is checked to lie inside the memory. */
  load(heap: Heap, address: number, budget: LiftBudget): string;
  /** The value whose only core value is `value`; only types that flatten to one core value have it. */
  unflatten?(value: CoreValue): string;
}
