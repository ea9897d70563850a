// Takes a client's request through the chain, and sends the answer.

import { answerOf, type ChainOptions } from "./chain.js";
import { ClientRequest, type RequestContext, sendAnswer } from "./client-request.js";
import { type ProblemOptions, sendProblem } from "./problem.js";
import { isLoopback } from "./remote-address.js";
import type { Match } from "./router.js";

/** Bytes that a client may send as the body of a request whose endpoint reads none. */
const unreadBytes = 65_536;

/** Dependencies of {@link answerClient}. */
export interface AnswerClientOptions extends ProblemOptions, Omit<ChainOptions, "isLocal"> {
  /** This node's id, and the address that clients use (`https://host:port`). */
  readonly place: { readonly id: string; readonly url: () => string };
  /** Counts a request that changes something, so that a graceful shutdown waits for it; see `InFlight.hold`. */
  readonly hold: () => () => void;
}

/** Answers a client's request with the endpoint's answer, or with a problem document. */
export function answerClient(context: RequestContext, match: Match, options: AnswerClientOptions): void {
  const { place } = options;
  const http = new ClientRequest(context, { node: place.id, baseUrl: place.url() });
  const release = match.endpoint.route.method === "GET" ? undefined : options.hold();
  // No promise settles for a client that disconnects within its body.
  if (release !== undefined) context.response.once("abort", release);
  answerOf(match, http, { ...options, isLocal: isLoopback(http.remoteAddress) })
    .then((answer) => sendAnswer(context, answer, unreadBytes))
    .catch((error: unknown) => sendProblem(context, error, options))
    .finally(release);
}
