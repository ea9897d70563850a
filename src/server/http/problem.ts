// Errors become responses here and nowhere else: problem documents (RFC 9457).

import type { Request, Response } from "hyper-express";
import { errorTable, HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { answerHead } from "./empty-answer.js";
import { ClientGone, whenReceived } from "./request-body.js";

/** How problems are sent. `bodyLimitBytes` bounds what a refused client may still send; `headers` go along. */
export interface ProblemOptions {
  readonly log: Logger;
  readonly bodyLimitBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The problem document of an error; one that is no HerdError becomes `internal`, without details. */
export function problemOf(error: unknown): { readonly error: HerdError; readonly document: Record<string, unknown> } {
  const known = error instanceof HerdError ? error : new HerdError("internal", "", { cause: error });
  const { status, title } = errorTable[known.code];
  const document: Record<string, unknown> = { status, code: known.code, title };
  if (known.code === "internal") {
    document.detail = "the node's log says more";
  } else {
    document.detail = known.message;
    if (known.where !== undefined) document.where = known.where;
    if (known.diagnostics !== undefined || status === 422) document.diagnostics = known.diagnostics ?? [];
  }
  return { error: known, document };
}

/** Answers with the problem document of an error, once the request's body has arrived. Logs what is `internal`. */
export function sendProblem(
  exchange: { request: Request; response: Response },
  error: unknown,
  options: ProblemOptions,
): void {
  const { request, response } = exchange;
  if (error instanceof ClientGone || response.completed) return;
  const problem = problemOf(error);
  if (problem.error.code === "internal") {
    const cause = problem.error.cause ?? problem.error;
    options.log.error(`${request.method} ${request.path.slice(0, 256)} failed`, { cause, repeat: "" });
  }
  const type = { "content-type": "application/problem+json" };
  const headers = { ...options.headers, ...type, ...problemHeaders(problem.error) };
  const { status } = problem.error;
  const text = JSON.stringify(problem.document);
  if (request.method === "HEAD") {
    answerHead(exchange, { status, headers, length: Buffer.byteLength(text), bodyLimitBytes: options.bodyLimitBytes });
    return;
  }
  whenReceived(request, response, {
    limitBytes: options.bodyLimitBytes,
    received: () => {
      if (response.completed) return;
      if (response.initiated) {
        // A stream that fails half-way: cutting it is the only way to tell.
        response.close();
        return;
      }
      response.status(status);
      for (const [name, value] of Object.entries(headers)) response.header(name, value, true);
      response.send(text);
    },
  });
}

/**
 * Headers beside the document: nobody keeps it or guesses at its type; 401 names the scheme; 503 and 429 always say
 * when to try again, whoever threw them.
 */
export function problemHeaders(error: HerdError): Record<string, string> {
  const { status, retryAfterSeconds } = error;
  const seconds = retryAfterSeconds ?? (status === 503 || status === 429 ? 1 : undefined);
  return {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="wasmherd"' } : {}),
    ...(seconds === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(seconds))) }),
  };
}
