// A client's request off the hot path: finds its endpoint (404 and 405 are decided here), and answers through the
// chain.

import { HerdError } from "../../core/errors.js";
import { answerOf, type ChainOptions } from "./chain.js";
import { ClientRequest, sendAnswer } from "./client-request.js";
import { isLoopback } from "./remote-address.js";
import type { RequestContext } from "./request-context.js";
import type { Match, Router } from "./route-table.js";
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
export function routeRequest(context: RequestContext, options: RouteRequestOptions): void {
  const { router, bodyLimitBytes } = options;
  const { method, path } = context;
  const served = router.find(path);
  if (served === undefined) {
    sendProblem(context, new HerdError("path.unknown", "nothing is served at this path"), options);
    return;
  }
  const hot = served.hot(method);
  if (hot !== undefined) {
    hot.handle(context, served.parameters);
    return;
  }
  const match = served.match(method);
  if (match !== undefined) {
    answer(context, match, options);
    return;
  }
  const headers = { allow: served.allow };
  if (method === "OPTIONS") sendAnswer(context, { status: 204, headers, body: undefined }, bodyLimitBytes);
  else {
    const error = new HerdError("method.unsupported", `this path supports ${headers.allow}`);
    sendProblem(context, error, { ...options, headers });
  }
}

function answer(context: RequestContext, match: Match, options: RouteRequestOptions): void {
  const { place } = options;
  const http = new ClientRequest(context, { node: place.id, baseUrl: place.url() });
  const release = match.endpoint.route.method === "GET" ? undefined : options.hold();
  // A client that leaves within its body ends no promise.
  if (release !== undefined) context.onGone(release);
  answerOf(match, http, { ...options, isLocal: isLoopback(http.remoteAddress) })
    .then((made) => sendAnswer(context, made, unreadBytes))
    .catch((error: unknown) => sendProblem(context, error, options))
    .finally(release);
}
