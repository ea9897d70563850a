// Components that were refused, by digest: bytes that failed for good are not pulled, checked and refused again and
// again.

import { LRUCache } from "lru-cache";
import { HerdError } from "../core/errors.js";

const mostKept = 4_096;
/** A failure of the node itself may pass. One that occurs this often with the same bytes counts as theirs. */
const ownFailures = 3;

/**
 * Keeps, for the life of the process, why components cannot run here; above a bound, the oldest entries are dropped.
 */
export class RefusedComponents {
  readonly #known = new LRUCache<string, { readonly error: HerdError; readonly failures: number }>({ max: mostKept });

  /** Throws the failure of the component of that SHA-256 (hex), when it was refused for good. */
  check(digest: string): void {
    const error = this.#known.peek(digest)?.error;
    if (error !== undefined && this.has(digest)) {
      throw new HerdError("source.invalid", error.message, { cause: error });
    }
  }

  /** Whether {@link check} throws. */
  has(digest: string): boolean {
    const known = this.#known.peek(digest);
    return known !== undefined && (known.error.fault === "caller" || known.failures >= ownFailures);
  }

  /** Records a failure to prepare the component. */
  note(digest: string, error: unknown): void {
    if (!(error instanceof HerdError) || error.fault === "node") return;
    const failures = (this.#known.peek(digest)?.failures ?? 0) + 1;
    this.#known.set(digest, { error, failures });
  }
}
