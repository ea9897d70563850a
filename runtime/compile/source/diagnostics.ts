// Places in a source: from an offset in its text to file, line, column and the line itself.
import type { Diagnostic } from "../../../src/core/errors.js";

const maxMessageLength = 1_000;
const maxLineLength = 400;

/** A place in a file of the upload, as an offset in UTF-16 code units. */
export interface Place {
  readonly file: string;
  readonly text: string;
  readonly offset: number;
}

/** A diagnostic at `place`; line and column count from 1. */
export function diagnosticAt(place: Place, message: string): Diagnostic {
  const before = place.text.slice(0, place.offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const lineEnd = place.text.indexOf("\n", lineStart);
  const source = place.text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd).replace(/\r$/, "");
  let line = 1;
  for (let at = before.indexOf("\n"); at !== -1; at = before.indexOf("\n", at + 1)) line++;
  return {
    file: place.file,
    line,
    column: place.offset - lineStart + 1,
    message: message.slice(0, maxMessageLength),
    source: source.slice(0, maxLineLength),
  };
}

/** Line `line` of `text`, counted from 1, cut to the length that a diagnostic shows. */
export function lineOf(text: string, line: number): string {
  return (text.split("\n")[line - 1] ?? "").replace(/\r$/, "").slice(0, maxLineLength);
}

/** The diagnostics in source order, without duplicates. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const key = (one: Diagnostic): string => `${one.file}:${one.line}:${one.column}:${one.message}`;
  const unique = new Map(diagnostics.map((one) => [key(one), one]));
  return [...unique.values()].sort((a, b) => {
    return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column;
  });
}
