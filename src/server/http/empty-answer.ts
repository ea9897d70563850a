// Answers without a body, past hyper-express: its own way of sending none announces one of 2^63 bytes, or waits for
// one.

import { STATUS_CODES } from "node:http";
import type { Request, Response } from "hyper-express";
import { closesAfter, keptAlive } from "./framed-exchange.js";
import { whenReceived } from "./request-body.js";

/**
 * Answers 204 with these headers, once the request's body has arrived. hyper-express 6.17 passes `undefined` where uwebsockets 3.0
 * reads a number, and the client waits for a body, or its next request on the connection fails.
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
 * Answers HEAD as GET would, once the request's body has arrived: the length and type of a body that does not follow.
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

/** What {@link answerHead} says. */
export interface HeadAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body that GET would get. */
  readonly length: number;
  readonly bodyLimitBytes: number;
}

function sendEmpty(
  { request, response }: { readonly request: Request; readonly response: Response },
  { status, headers }: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
): void {
  if (response.completed) return;
  // Set first: after the end, uWebSockets throws at every use of the raw response.
  response.completed = true;
  const { raw } = response;
  const kept = keptAlive(request, response);
  raw.cork(() => {
    raw.writeStatus(`${status} ${STATUS_CODES[status]}`);
    for (const name in headers) raw.writeHeader(name, headers[name] ?? "");
    // With an argument, uWebSockets would write a length. It closes an idle connection after 10 s, should the client
    // not.
    if (closesAfter(response)) raw.writeHeader("connection", "close");
    else if (kept !== undefined) raw.writeHeader("keep-alive", kept);
    raw.endWithoutBody();
  });
}
