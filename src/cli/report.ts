// Failures for people, as a line with its code and diagnostics with a caret; and for scripts, as one JSON value.

import type { Problem } from "../api/problem-document.js";
import { ProblemError, UnreadableAnswerError } from "../client/errors.js";
import { UnreachableError } from "../client/unreachable.js";
import type { Diagnostic } from "../core/errors.js";
import { HerdError } from "../core/errors.js";
import { withSourcePlaces } from "../core/source-places.js";
import { printable } from "../core/terminal-text.js";
import { UsageError } from "../core/usage-error.js";
import { CommandError, FailedCheck } from "./command-errors.js";

/** A node that joined has no token of its own. */
const tokenHint =
  "this state directory holds no token: give one with --token @FILE; herd token create --role admin, on a " +
  "master, makes one\n";

/** Codes of failures that no node answered with; the reference of the command line lists them. */
const clientCodes = {
  usage: "usage.invalid",
  unreachable: "node.unreachable",
  unreadable: "answer.unreadable",
  command: "command.failed",
} as const;

/**
 * Prints a failure as text on stderr, and with `json` as one JSON value on stdout; a command that printed its verdict
 * prints no second value. Returns whether the failure is wrong usage.
 */
export function report(error: unknown, { json = false }: { readonly json?: boolean }): "usage" | "failure" {
  const value = json ? failureJson(error) : undefined;
  if (value !== undefined) process.stdout.write(`${value}\n`);
  process.stderr.write(failureText(error));
  return error instanceof UsageError ? "usage" : "failure";
}

/** Prints the JSON value of wrong usage that the parser of the command line found. */
export function printUsageJson(detail: string): void {
  process.stdout.write(`${JSON.stringify({ code: clientCodes.usage, detail })}\n`);
}

function failureJson(error: unknown): string | undefined {
  if (error instanceof ProblemError) return error.text;
  if (error instanceof HerdError) return JSON.stringify({ status: error.status, ...error.toData() });
  if (error instanceof FailedCheck) return undefined;
  const detail = error instanceof Error ? error.message : String(error);
  return JSON.stringify({ code: clientCode(error), detail });
}

function clientCode(error: unknown): string {
  if (error instanceof UsageError) return clientCodes.usage;
  if (error instanceof UnreachableError) return clientCodes.unreachable;
  return error instanceof UnreadableAnswerError ? clientCodes.unreadable : clientCodes.command;
}

/**
 * Errors whose message is the whole report. Any other error without a code is a defect, and is shown with its stack.
 */
const lineErrors = [UsageError, UnreachableError, UnreadableAnswerError, FailedCheck, CommandError];

function failureText(error: unknown): string {
  if (error instanceof ProblemError) {
    return `${problemText(error.document)}${error.document.code === "auth.missing" ? tokenHint : ""}`;
  }
  if (error instanceof HerdError) return problemText(error.toData());
  if (!(error instanceof Error)) return `herd: ${error}\n`;
  if (lineErrors.some((known) => error instanceof known)) return `herd: ${printable(error.message)}\n`;
  return `herd: ${"code" in error ? error.message : withSourcePlaces(error.stack ?? error.message)}\n`;
}

/** A problem as text: diagnostics if it has some, else its detail, with code and place. */
function problemText(document: Pick<Problem, "code" | "detail" | "where" | "diagnostics">): string {
  const { diagnostics = [] } = document;
  if (diagnostics.length > 0) {
    const count = diagnostics.length === 1 ? "1 error" : `${diagnostics.length} errors`;
    return `${diagnostics.map(diagnosticText).join("")}herd: ${document.code}: ${count}\n`;
  }
  const { where } = document;
  // The pointer to the whole body is the empty text (RFC 6901).
  const place = where === undefined || where === "" ? "" : ` (at ${printable(where)})`;
  return `herd: ${document.code}: ${printable(document.detail ?? "")}${place}\n`;
}

/** `file:line:column message`, the source line, and a caret under the column. */
function diagnosticText(diagnostic: Diagnostic): string {
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
