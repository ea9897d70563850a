// What a test says of a failure: its code, and something of its text.

import type { ErrorCode } from "../../src/core/error-codes.js";
import { HerdError } from "../../src/core/errors.js";

/**
 * A check for `assert.throws` and `assert.rejects`: a HerdError with this code, whose text matches or contains `text`.
 */
export function coded(code: ErrorCode, text: RegExp | string = ""): (error: unknown) => boolean {
  return (error) =>
    error instanceof HerdError &&
    error.code === code &&
    (typeof text === "string" ? error.message.includes(text) : text.test(error.message));
}
