// Components that cannot be prepared, by their digest: what failed for good is not pulled, checked and refused again
// and again.

import { type ErrorCode, HerdError } from "../core/errors.js";

const mostKept = 4_096;
/** A failure that is the node's own may pass; one that comes so often with the same bytes does not. */
const ownFailures = 3;

/** What lies in the bytes themselves; anything else lies in the machine, and may be otherwise the next time. */
const ofTheBytes: ReadonlySet<ErrorCode> = new Set(["source.invalid", "type.unsupported"]);

/** Remembers, for the life of the process, why components cannot run here; of very many, the oldest are forgotten. */
export class RefusedComponents {
  readonly #known = new Map<string, { readonly error: HerdError; readonly failures: number }>();

  /** Throws what was wrong with the component of that SHA-256 (hex), when it was found to be unusable. */
  check(digest: string): void {
    const error = this.#known.get(digest)?.error;
    if (error !== undefined && this.has(digest)) {
      throw new HerdError("source.invalid", error.message, { cause: error });
    }
  }

  /** Whether {@link check} throws. */
  has(digest: string): boolean {
    const known = this.#known.get(digest);
    return known !== undefined && (ofTheBytes.has(known.error.code) || known.failures >= ownFailures);
  }

  /** Takes note of a failure to prepare it. */
  note(digest: string, error: unknown): void {
    if (!(error instanceof HerdError) || (!ofTheBytes.has(error.code) && error.code !== "internal")) return;
    const failures = (this.#known.get(digest)?.failures ?? 0) + 1;
    this.#known.delete(digest);
    this.#known.set(digest, { error, failures });
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostKept && oldest !== undefined) this.#known.delete(oldest);
  }
}
