// Errors become answers here and nowhere else: problem documents (RFC 9457).

import type { Problem } from "../../api/problem-document.js";
import { errorTable } from "../../core/error-codes.js";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { sendAnswer } from "./client-request.js";
import { Content, type HttpAnswer } from "./http-answer.js";
import { ClientGone } from "./request-body.js";
import type { RequestContext } from "./request-context.js";

/** How problems are sent. `bodyLimitBytes` bounds the body that a refused client still sends; `headers` are added. */
export interface ProblemOptions {
  readonly log: Logger;
  readonly bodyLimitBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The error as one of the contract: an error that is no HerdError becomes the cause of an `internal` one. */
export function publicError(error: unknown): HerdError {
  return error instanceof HerdError ? error : new HerdError("internal", "", { cause: error });
}

/** The problem document of a request that failed. The document of `internal` has no details. */
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

/** Answers with the problem document of an error, once the request's body has arrived. Logs an `internal` error. */
export function sendProblem(context: RequestContext, error: unknown, options: ProblemOptions): void {
  if (error instanceof ClientGone || context.isCompleted) return;
  const known = publicError(error);
  logInternal(known, { log: options.log, request: context });
  const answer = problemAnswer(known);
  sendAnswer(context, { ...answer, headers: { ...options.headers, ...answer.headers } }, options.bodyLimitBytes);
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
 * Headers of a problem document: no cache keeps it and no browser guesses its type; 401 names the scheme; 503 and 429
 * always have `retry-after`, of one second when the error sets none.
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
