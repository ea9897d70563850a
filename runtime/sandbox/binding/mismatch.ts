// A value of the wrong type: thrown where it is found, its path collected while the stack unwinds.
import { HerdError } from "../../../src/core/errors.js";
import { toWellFormed } from "../../interface/unicode.js";

const excerptLength = 64;

/** Thrown by lowering; each enclosing value puts its step in front of `path`. */
export class Mismatch {
  readonly path: (string | number)[] = [];
  readonly expected: string;
  readonly found: string;

  constructor(expected: string, value: unknown) {
    this.expected = expected;
    this.found = value === undefined ? "is missing" : `is ${excerpt(value)}`;
  }
}

/** Throws a mismatch of `value` with the `expected` type. */
export function mismatch(expected: string, value: unknown): never {
  throw new Mismatch(expected, value);
}

/** Rethrows `error` with `step` in front of its path when it is a {@link Mismatch}. */
export function unwind(error: unknown, step: string | number): never {
  if (error instanceof Mismatch) error.path.unshift(step);
  throw error;
}

/** `value` as JSON, at most 64 characters of it, with its kind when that is not plain. */
export function excerpt(value: unknown): string {
  if (typeof value === "string") return `the string ${JSON.stringify(cut(value))}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

/** `text` cut to 64 characters. */
export function cut(text: string): string {
  return text.length > excerptLength ? `${toWellFormed(text.slice(0, excerptLength))}…` : text;
}

/** JSON pointer of `path` (RFC 6901); bounded, since a path's steps may come from the caller. */
export function jsonPointer(path: readonly (string | number)[]): string {
  return path.map((step) => `/${cut(String(step)).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The caller's error for a mismatch in parameter `parameter` of `fn`. */
export function argumentError(error: Mismatch, { fn, parameter }: { fn: string; parameter: string }): HerdError {
  const where = jsonPointer(error.path);
  const place = error.path.length > 1 ? ` at ${where}` : "";
  const detail = `${fn}: parameter "${parameter}"${place} must be ${error.expected}, but it ${error.found}`;
  return new HerdError("arguments.invalid", detail, { where });
}
