// A refusal of an upload that found no place of its own stands at the start of the upload's entry: whoever shows it has
// somewhere to point.
import { HerdError } from "./errors.js";
import type { SourceFile } from "./source-file.js";

const maxLineLength = 400;

/** `error`, with a place in one of `files` when it is a 422 without one. */
export function placedInUpload(error: unknown, files: readonly SourceFile[]): unknown {
  if (!(error instanceof HerdError) || error.status !== 422 || (error.diagnostics?.length ?? 0) > 0) return error;
  const entry = files.find(({ path }) => path === "index.ts") ?? files[0];
  if (entry === undefined) return error;
  const [first = ""] = entry.text.slice(0, maxLineLength).split(/\r?\n/, 1);
  const diagnostic = { file: entry.path, line: 1, column: 1, message: error.message, source: first };
  const { cause, where = `${entry.path}:1:1` } = error;
  return new HerdError(error.code, error.message, { cause, where, diagnostics: [diagnostic] });
}
