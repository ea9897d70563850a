// How large a result may be: counted while a value is lifted, and once more as text.

import { HerdError } from "../../../src/core/errors.js";

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
