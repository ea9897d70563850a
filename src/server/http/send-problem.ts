// Errors become answers here and nowhere else: problem documents (RFC 9457).

import type { Problem } from "../../api/problem-document.js";
import { errorTable } from "../../core/error-codes.js";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { type Exchange, sendAnswer } from "./client-request.js";
import { Content, type HttpAnswer } from "./http-answer.js";
import { ClientGone } from "./request-body.js";

/** How problems are sent. `bodyLimitBytes` bounds what a refused client may still send; `headers` go along. */
export interface ProblemOptions {
  readonly log: Logger;
  readonly bodyLimitBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The error as one of the contract: one that is no HerdError becomes `internal`, with the error as its cause. */
export function publicError(error: unknown): HerdError {
  return error instanceof HerdError ? error : new HerdError("internal", "", { cause: error });
}

/** The answer to a request that failed. One of `internal` has no details. */
export function problemAnswer(error: HerdError): HttpAnswer {
  const body = new Content("application/problem+json", JSON.stringify(documentOf(error)));
  return { status: error.status, headers: problemHeaders(error), body };
}

function documentOf(error: HerdError): Problem {
  const { code, status, message, where, diagnostics } = error;
  const { title } = errorTable[code];
  if (error.fault === "defect") return { status, code, title, detail: "the node's log says more" };
  return {
    status,
    code,
    title,
    detail: message,
    ...(where === undefined ? {} : { where }),
    ...(diagnostics === undefined && status !== 422 ? {} : { diagnostics: [...(diagnostics ?? [])] }),
  };
}

/** Answers with the problem document of an error, once the request's body has arrived. Logs what is `internal`. */
export function sendProblem(exchange: Exchange, error: unknown, options: ProblemOptions): void {
  const { request, response } = exchange;
  if (error instanceof ClientGone || response.completed) return;
  const known = publicError(error);
  logInternal(known, { log: options.log, request });
  const answer = problemAnswer(known);
  sendAnswer(exchange, { ...answer, headers: { ...options.headers, ...answer.headers } }, options.bodyLimitBytes);
}

/** Writes the cause of an `internal` error to the log: its answer does not hold it. */
export function logInternal(
  error: HerdError,
  { log, request }: { readonly log: Logger; readonly request: { readonly method: string; readonly path: string } },
): void {
  if (error.fault !== "defect") return;
  log.error(`${request.method} ${request.path.slice(0, 256)} failed`, { cause: error.cause ?? error, repeat: "" });
}

/**
 * Headers beside the document: nobody keeps it or guesses at its type; 401 names the scheme; 503 and 429 always say
 * when to try again, whoever threw them.
 */
function problemHeaders({ status, retryAfterSeconds }: HerdError): Record<string, string> {
  const seconds = retryAfterSeconds ?? (status === 503 || status === 429 ? 1 : undefined);
  return {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="wasmherd"' } : {}),
    ...(seconds === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(seconds))) }),
  };
}
