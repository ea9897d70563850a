// JSON text from a caller: the engine parses it. Only when that fails, this file finds the place of the fault.
import { HerdError } from "../../../src/core/errors.js";

const depthLimit = 256;
/** Texts shorter than this cannot nest deep enough to cost much memory. */
const deepLength = 65_536;
/** Openers with so many characters for each are sparse. */
const sparseLength = 4;

/** The value of JSON `text`; throws HerdError `request.malformed` with the position of the first fault. */
export function parseJson(text: string): unknown {
  if (text.length > deepLength && mayBeDeep(text)) checkDepth(text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const at = faultPosition(text);
    const line = text.slice(0, at).split("\n");
    const place = `line ${line.length}, column ${(line.at(-1)?.length ?? 0) + 1} (offset ${at})`;
    const what = at >= text.length ? "ends too early" : "is not valid";
    throw new HerdError("request.malformed", `the JSON ${what} at ${place}`, { cause });
  }
}

/**
 * Every array and object costs many times its two characters in memory: their nesting is bounded before they are made.
 */
function checkDepth(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) at = stringEnd(text, at);
    else if (unit === 0x5b || unit === 0x7b) depth++;
    else if (unit === 0x5d || unit === 0x7d) depth--;
    if (depth > depthLimit) {
      throw new HerdError("request.malformed", `the JSON nests deeper than ${depthLimit} levels (offset ${at})`);
    }
  }
}

/**
 * Whether a text has more openers than may nest, and so many that, nested, they could cost more memory than a flat text
 * of its length: a nested opener takes 120 bytes while it is parsed, a list of `{}` 40 a character. Most large texts
 * are few long strings, or lists of records, and need no look at each character: `indexOf` compares many at a time.
 */
function mayBeDeep(text: string): boolean {
  let left = Math.max(depthLimit, text.length / sparseLength);
  for (const opener of ["[", "{"]) {
    for (let at = text.indexOf(opener); at >= 0; at = text.indexOf(opener, at + 1)) if (left-- <= 0) return true;
  }
  return false;
}

/** Offset of the quote that ends the string which begins at `start`; the length of the text without one. */
function stringEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}

const literal = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Offset of the first character at which `text` stops being the beginning of valid JSON (RFC 8259). */
function faultPosition(text: string): number {
  const closers: string[] = [];
  let at = 0;
  /**
   * The next expected token: a value, a value or the end of an empty array, a key, a key or the end, or a separator
   * after a value.
   */
  let state: "value" | "first-value" | "key" | "first-key" | "after" = "value";
  for (;;) {
    at = skipSpace(text, at);
    const next = text[at];
    if (next === undefined) return at;
    if (state === "after") {
      const closer = closers.at(-1);
      if (closer === undefined) return at;
      if (next === closer) closers.pop();
      else if (next === ",") state = closer === "}" ? "key" : "value";
      else return at;
      at++;
    } else if (state === "key" || state === "first-key") {
      if (next === "}" && state === "first-key") {
        closers.pop();
        state = "after";
        at++;
        continue;
      }
      const end = next === '"' ? scanString(text, at) : { at, ok: false };
      if (!end.ok) return end.at;
      at = skipSpace(text, end.at);
      if (text[at] !== ":") return at;
      state = "value";
      at++;
    } else if (next === "]" && state === "first-value") {
      closers.pop();
      state = "after";
      at++;
    } else if (next === "[" || next === "{") {
      closers.push(next === "[" ? "]" : "}");
      state = next === "[" ? "first-value" : "first-key";
      at++;
    } else {
      const end = next === '"' ? scanString(text, at) : scanLiteral(text, at);
      if (!end.ok) return end.at;
      at = end.at;
      state = "after";
    }
  }
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (" \t\n\r".includes(text[at] ?? "x")) at++;
  return at;
}

function scanLiteral(text: string, at: number): { at: number; ok: boolean } {
  literal.lastIndex = at;
  return literal.test(text) ? { at: literal.lastIndex, ok: true } : { at, ok: false };
}

function scanString(text: string, start: number): { at: number; ok: boolean } {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') {
    if (text.charCodeAt(at) < 0x20) return { at, ok: false };
    if (text[at] === "\\") {
      escaped.lastIndex = at;
      if (!escaped.test(text)) return { at, ok: false };
      at = escaped.lastIndex;
    } else at++;
  }
  return at < text.length ? { at: at + 1, ok: true } : { at, ok: false };
}
