// Failures as a user reads them: one line with its code, diagnostics with their source line and a caret.

import type { Problem } from "../api/problem.js";
import { ProblemError, UnreachableError } from "../client/errors.js";
import type { Diagnostic } from "../core/errors.js";
import { HerdError } from "../core/errors.js";
import { printable } from "../core/terminal-text.js";
import { UsageError } from "../core/usage-error.js";
import { FailedCheck } from "./failed-check.js";

/** A node that joined has no token of its own. */
const tokenHint =
  "this state directory holds no token: give one with --token @FILE; herd token create --role admin, on a master, makes one\n";

/** Prints a failure to stderr (with `json`, its document to stdout too); tells whether it was wrong usage. */
export function report(error: unknown, { json }: { readonly json?: boolean }): "usage" | "failure" {
  if (error instanceof ProblemError) {
    const { document } = error;
    if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
    process.stderr.write(problemText(document));
    if (document.code === "auth.missing") process.stderr.write(tokenHint);
    return "failure";
  }
  if (error instanceof HerdError) {
    if (json) process.stdout.write(`${JSON.stringify({ status: error.status, ...error.toData() })}\n`);
    process.stderr.write(problemText({ ...error.toData() }));
    return "failure";
  }
  if (error instanceof UsageError || error instanceof UnreachableError || error instanceof FailedCheck) {
    process.stderr.write(`herd: ${printable(error.message)}\n`);
    return error instanceof UsageError ? "usage" : "failure";
  }
  const known = error instanceof Error && "code" in error;
  const text = error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`herd: ${text}\n`);
  return "failure";
}

/** A problem as text: diagnostics if it has some, else its detail, with code and place. */
export function problemText(document: Pick<Problem, "code" | "detail" | "where" | "diagnostics">): string {
  const { diagnostics = [] } = document;
  if (diagnostics.length > 0) {
    const count = diagnostics.length === 1 ? "1 error" : `${diagnostics.length} errors`;
    return `${diagnostics.map(diagnosticText).join("")}herd: ${document.code}: ${count}\n`;
  }
  const where = document.where === undefined ? "" : ` (at ${printable(document.where)})`;
  return `herd: ${document.code}: ${printable(document.detail ?? "")}${where}\n`;
}

/** `file:line:column message`, the source line, and a caret under the column. */
export function diagnosticText(diagnostic: Diagnostic): string {
  const { file, line, column, message, source } = diagnostic;
  const head = `${printable(file)}:${line}:${column} ${printable(message)}\n`;
  if (source.trim() === "") return head;
  // Tabs stay, so that the caret stands under its column whatever their width.
  const shown = source.split("\t").map(printable).join("\t");
  const before = source.slice(0, Math.max(0, column - 1));
  const indent = before
    .split("\t")
    .map((part) => " ".repeat(printable(part).length))
    .join("\t");
  return `${head}  ${shown}\n  ${indent}^\n`;
}
