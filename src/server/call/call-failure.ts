// The log record of a call that its function failed.

import { HerdError } from "../../core/errors.js";
import type { LogRecord } from "../../core/log-ring.js";
import type { Invocation } from "../../invoke/invoker.js";

/** A detail may hold text of a guest. A log line takes this many characters of it. */
const maxDetail = 4_096;

/** Titles of failures that the function caused, not its caller or the node. */
const titles: { readonly [code: string]: string } = {
  "function.trapped": "trapped",
  "function.deadline": "deadline",
  "function.out-of-memory": "out of memory",
  "function.result-too-large": "result too large",
};

/**
 * The log record of a failed call, without time and node. Its message holds what happened and the place in the source
 * where that is known. Undefined when the failure is not the function's.
 */
export function failureRecord(
  { app, function: name, id }: Pick<Invocation, "app" | "function" | "id">,
  error: unknown,
): Omit<LogRecord, "at" | "node"> | undefined {
  if (!(error instanceof HerdError)) return undefined;
  const title = titles[error.code];
  if (title === undefined) return undefined;
  const place = error.where === undefined ? "" : ` (at ${error.where})`;
  const message = `${title}: ${error.message.slice(0, maxDetail)}${place}`;
  return { level: "error", message, app: app.app, revision: app.prepared.revision, function: name, invocation: id };
}
