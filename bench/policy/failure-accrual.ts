// Failure accrual (a circuit breaker for each node): nodes that failed too often in a row get no calls for a while. The
// other policies use it against nodes that fail fast.

import type { SimEnd } from "./sim-call.js";

/** After this many failures in a row a node is out, for `firstMs` and then twice as long each time, up to `mostMs`. */
export interface FailureAccrualOptions {
  readonly failures: number;
  readonly firstMs: number;
  readonly mostMs: number;
}

/** Failures of other nodes, as one node counts them. */
export class FailureAccrual {
  readonly #options: FailureAccrualOptions;
  readonly #inARow = new Map<number, number>();
  readonly #out = new Map<number, { untilMs: number; forMs: number }>();

  constructor(options: FailureAccrualOptions) {
    this.#options = options;
  }

  /** Counts the end of a call to that node. */
  ended(node: number, { end, nowMs }: { end: SimEnd; nowMs: number }): void {
    if (end === "refused") return;
    const { failures, firstMs, mostMs } = this.#options;
    const inARow = end === "failed" ? (this.#inARow.get(node) ?? 0) + 1 : 0;
    if (inARow > 0 || this.#inARow.size > 0) this.#inARow.set(node, inARow);
    if (end === "ok") this.#out.delete(node);
    if (inARow < failures) return;
    const forMs = Math.min(mostMs, 2 * (this.#out.get(node)?.forMs ?? firstMs / 2));
    this.#out.set(node, { untilMs: nowMs + forMs, forMs });
  }

  /** Whether calls may go there. */
  isOpen(node: number, nowMs: number): boolean {
    return this.#out.size === 0 || (this.#out.get(node)?.untilMs ?? 0) <= nowMs;
  }
}
