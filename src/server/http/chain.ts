// The chain of every request off the hot path: find, authorize, parse, act here or at another node. Errors become
// problem documents once, at the adapters.

import { HerdError } from "../../core/errors.js";
import type { Claims } from "../../pki/tokens/claims.js";
import type { OwnerSecret } from "../../pki/tokens/owner-secret.js";
import type { Tokens } from "../ports.js";
import { bearerOf, claimsOf, requireRole } from "./authorize.js";
import type { Endpoint, EndpointRequest, UntypedAnswer } from "./endpoint.js";
import { Content, type HttpAnswer, JsonText, Streamed } from "./http-answer.js";
import type { HttpRequest } from "./http-request.js";
import { parseBody, parseParameters, parseQuery } from "./parse-by-route.js";
import type { RequestElsewhere, Where } from "./place.js";
import type { Match } from "./route-table.js";

/** Dependencies of the chain. */
export interface ChainOptions {
  readonly tokens: Tokens;
  /** Whether the client is on this machine: for routes of role `loopback`. */
  readonly isLocal: boolean;
  /** Recognizes the secret of this machine's owner; undefined where the secret does not count. */
  readonly ownerSecret: Pick<OwnerSecret, "isSame"> | undefined;
  /** Whether this node is, or has the mark of, the place where the request acts. */
  readonly isHere: (where: Where) => boolean;
  /** Relays the request to a node that may act. */
  readonly elsewhere: (handed: RequestElsewhere) => Promise<HttpAnswer>;
}

/** The answer to a request. Throws every failure; the adapters turn it into a problem document. */
export async function answerOf(
  { endpoint, parameters: raw }: Match,
  http: HttpRequest,
  options: ChainOptions,
): Promise<HttpAnswer> {
  const { route } = endpoint;
  const parameters = parseParameters(route, raw);
  const { claims, byOwner } = await authorized(endpoint, { http, app: appOf(parameters) }, options);
  const query = parseQuery(route, http.query);
  const body = await parseBody(route, { http, limitBytes: endpoint.bodyLimitBytes });
  const request = { parameters, query, body, claims, by: claims?.id ?? "", http } as EndpointRequest;
  const where = await endpoint.where(request);
  if (where === "here" || options.isHere(where)) return encoded(await endpoint.handle(request));
  if (byOwner) {
    throw new HerdError("auth.forbidden", "the owner's secret speaks for the node of this machine alone");
  }
  return options.elsewhere({ where, http, bodyLimitBytes: endpoint.bodyLimitBytes });
}

interface Authorized {
  readonly claims: Claims | undefined;
  readonly byOwner: boolean;
}

async function authorized(
  { route }: Endpoint,
  { http, app }: { readonly http: HttpRequest; readonly app: string | undefined },
  { tokens, isLocal, ownerSecret }: ChainOptions,
): Promise<Authorized> {
  const { authorization } = http.headers;
  if (route.byOwner === true && ownerSecret?.isSame(bearerOf(authorization)) === true) {
    return { claims: undefined, byOwner: true };
  }
  if (route.role === "none" || (route.role === "loopback" && isLocal)) return { claims: undefined, byOwner: false };
  const claims = await claimsOf(tokens, authorization);
  requireRole(claims, route.role === "loopback" ? "admin" : route.role, route.scoped === true ? claims.app : app);
  return { claims, byOwner: false };
}

/** The app that a path names: a token for one app is valid on that app's paths alone. */
function appOf(parameters: unknown): string | undefined {
  return (parameters as { readonly app?: string }).app;
}

/** An answer as it is sent: with headers against caches, and against a browser that guesses the type. */
function encoded({ status, body, headers }: UntypedAnswer): HttpAnswer {
  const common = { "cache-control": "no-store", "x-content-type-options": "nosniff", ...headers };
  if (body === undefined) return { status, headers: { "cache-control": "no-store", ...headers }, body };
  if (body instanceof Content || body instanceof Streamed) return { status, headers: common, body };
  const text = body instanceof JsonText ? body.text : JSON.stringify(body);
  return { status, headers: common, body: new Content("application/json", text) };
}
