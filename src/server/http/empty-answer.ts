// Answers without a body, past hyper-express, whose own answer without a body announces 2^63 bytes, or waits for a
// body.

import { STATUS_CODES } from "node:http";
import type { Request, Response } from "hyper-express";
import { whenReceived } from "./request-body.js";
import { closesAfter, keptAlive } from "./uws-request.js";

/**
 * Answers 204 with these headers, once the request's body has arrived. hyper-express 6.17 passes `undefined` where
 * uWebSockets 3.0 reads a number: the client would wait for a body, or its next request on the connection would fail.
 */
export function answerEmpty(
  { request, response }: { request: Request; response: Response },
  { headers, bodyLimitBytes }: { headers: Readonly<Record<string, string>>; bodyLimitBytes: number },
): void {
  whenReceived(request, response, {
    limitBytes: bodyLimitBytes,
    received: () => sendEmpty({ request, response }, { status: 204, headers }),
  });
}

/**
 * Answers HEAD with the status and headers of GET, once the request's body has arrived. The length and type are those
 * of the body that GET would send.
 */
export function answerHead(
  { request, response }: { request: Request; response: Response },
  { status, headers, length, bodyLimitBytes }: HeadAnswer,
): void {
  whenReceived(request, response, {
    limitBytes: bodyLimitBytes,
    received: () =>
      sendEmpty({ request, response }, { status, headers: { ...headers, "content-length": String(length) } }),
  });
}

/** The answer that {@link answerHead} sends. */
export interface HeadAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body that GET would send. */
  readonly length: number;
  readonly bodyLimitBytes: number;
}

function sendEmpty(
  { request, response }: { readonly request: Request; readonly response: Response },
  { status, headers }: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
): void {
  if (response.completed) return;
  // This must be set first: after the end, uWebSockets throws at every use of the raw response.
  response.completed = true;
  const { raw } = response;
  const kept = keptAlive(request, response);
  raw.cork(() => {
    raw.writeStatus(`${status} ${STATUS_CODES[status]}`);
    for (const name in headers) raw.writeHeader(name, headers[name] ?? "");
    // With an argument of `endWithoutBody`, uWebSockets would write a length. After `close`, the client ends the
    // connection, or uWebSockets does so after 10 s.
    if (closesAfter(response)) raw.writeHeader("connection", "close");
    else if (kept !== undefined) raw.writeHeader("keep-alive", kept);
    raw.endWithoutBody();
  });
}
