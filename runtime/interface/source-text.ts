// The stored source of a revision as bytes: JSON of a list of files. Bytes of a peer may be hostile, so their structure
// is counted before they are parsed.

import { HerdError } from "../../src/core/errors.js";
import { parseJsonBytes } from "../../src/core/json.js";
import { sourceBounds as bounds, within } from "./bounds.js";

/**
 * Openings and commas of a file's entry: it opens an object, has a comma between its members, and one before it, or the
 * list's bracket.
 */
const marksOfFile = 3;
const pathLength = 1_024;

/** Throws HerdError `source.invalid` unless `json` is a list of files with a path and a text each, and nothing else. */
export function checkSourceText(json: Buffer): void {
  within(bounds.sourceBytes, json.length);
  within(bounds.files, Math.floor(countMarks(json) / marksOfFile));
  let value: unknown;
  try {
    value = parseJsonBytes(json);
  } catch (cause) {
    throw invalid("is not JSON in UTF-8", cause);
  }
  if (!Array.isArray(value) || !value.every(isFile)) throw invalid("is no list of files");
}

/** Counts openings and commas outside of strings in one pass: these make many values out of a short text. */
function countMarks(json: Buffer): number {
  let count = 0;
  for (let at = 0; at < json.length && count <= (bounds.files.most + 1) * marksOfFile; at++) {
    const byte = json[at];
    if (byte === 0x22) at = endOfString(json, at);
    else if (byte === 0x2c || byte === 0x5b || byte === 0x7b) count++;
  }
  return count;
}

/** The end of the string that begins at `start`; found by the engine's own search, since texts are long. */
function endOfString(json: Buffer, start: number): number {
  for (let end = json.indexOf(0x22, start + 1); end >= 0; end = json.indexOf(0x22, end + 1)) {
    let slashes = 0;
    while (json[end - 1 - slashes] === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return json.length;
}

function isFile(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 2) return false;
  const { path, text } = value as { readonly path?: unknown; readonly text?: unknown };
  return typeof path === "string" && path.length <= pathLength && typeof text === "string";
}

function invalid(what: string, cause?: unknown): HerdError {
  return new HerdError("source.invalid", `the revision's source ${what}`, { cause });
}
