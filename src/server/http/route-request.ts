// A client's request off the hot path: finds its endpoint (404 and 405 are decided here), and answers through the chain.

import { HerdError } from "../../core/errors.js";
import { answerOf, type ChainOptions } from "./chain.js";
import { ClientRequest, type Exchange, sendAnswer } from "./client-request.js";
import { answerEmpty } from "./empty-answer.js";
import { isLoopback } from "./remote-address.js";
import type { Match, Router } from "./router.js";
import { type ProblemOptions, sendProblem } from "./send-problem.js";

/** What a client may send along with a request of which the body is not read, in bytes. */
const unreadBytes = 65_536;

/** Dependencies of {@link routeRequest}. */
export interface RouteRequestOptions extends ProblemOptions, Omit<ChainOptions, "isLocal"> {
  /** Every path, those of the hot path included. */
  readonly router: Router;
  /** This node's id, and the address that clients use (`https://host:port`). */
  readonly place: { readonly id: string; readonly url: () => string };
  /** Counts a request that changes something, so that a graceful shutdown waits for it; see `InFlight.hold`. */
  readonly hold: () => () => void;
}

/** Answers a client's request, problems included. */
export function routeRequest(exchange: Exchange, options: RouteRequestOptions): void {
  const { router, bodyLimitBytes } = options;
  const { method, path } = exchange.request;
  const served = router.find(path);
  if (served === undefined) {
    sendProblem(exchange, new HerdError("path.unknown", "nothing is served at this path"), options);
    return;
  }
  const headers = { allow: served.allow };
  const match = served.match(method);
  if (match !== undefined) answer(exchange, match, options);
  else if (method === "OPTIONS") answerEmpty(exchange, { headers, bodyLimitBytes });
  else {
    const error = new HerdError("method.unsupported", `this path supports ${served.allow}`);
    sendProblem(exchange, error, { ...options, headers });
  }
}

function answer(exchange: Exchange, match: Match, options: RouteRequestOptions): void {
  const { place } = options;
  const http = new ClientRequest(exchange, { node: place.id, baseUrl: place.url() });
  const release = match.endpoint.route.method === "GET" ? undefined : options.hold();
  // A client that leaves within its body ends no promise.
  if (release !== undefined) exchange.response.once("abort", release);
  answerOf(match, http, { ...options, isLocal: isLoopback(http.remoteAddress) })
    .then((made) => sendAnswer(exchange, made, unreadBytes))
    .catch((error: unknown) => sendProblem(exchange, error, options))
    .finally(release);
}
