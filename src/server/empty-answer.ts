// 204 answers, past hyper-express: its own way of sending none of a body announces one of 2^63 bytes.

import type { Request, Response } from "hyper-express";
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
    received: () => {
      if (response.completed) return;
      // Set first: after the end, uWebSockets throws at every use of the raw response.
      response.completed = true;
      const { raw } = response;
      raw.cork(() => {
        raw.writeStatus("204 No Content");
        for (const name in headers) raw.writeHeader(name, headers[name] ?? "");
        raw.endWithoutBody();
      });
    },
  });
}
