// A client's request through the chain, and its answer.

import { answerOf, type ChainOptions } from "./chain.js";
import { ClientRequest, type Exchange, sendAnswer } from "./client-request.js";
import { type ProblemOptions, sendProblem } from "./problem.js";
import { isLoopback } from "./remote-address.js";
import type { Match } from "./router.js";

/** What a client may send along with a request of which the body is not read, in bytes. */
const unreadBytes = 65_536;

/** What {@link answerClient} works with. */
export interface AnswerClientOptions extends ProblemOptions, Omit<ChainOptions, "isLocal"> {
  /** This node's id, and the address that clients use (`https://host:port`). */
  readonly place: { readonly id: string; readonly url: () => string };
  /** Counts a request that changes something, so that a graceful shutdown waits for it; see `InFlight.hold`. */
  readonly hold: () => () => void;
}

/** Answers a client's request, problems included. */
export function answerClient(exchange: Exchange, match: Match, options: AnswerClientOptions): void {
  const { place } = options;
  const http = new ClientRequest(exchange, { node: place.id, baseUrl: place.url() });
  const release = match.endpoint.route.method === "GET" ? undefined : options.hold();
  // A client that leaves within its body ends no promise.
  if (release !== undefined) exchange.response.once("abort", release);
  answerOf(match, http, { ...options, isLocal: isLoopback(http.remoteAddress) })
    .then((answer) => sendAnswer(exchange, answer, unreadBytes))
    .catch((error: unknown) => sendProblem(exchange, error, options))
    .finally(release);
}
