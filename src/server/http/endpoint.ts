// The chain that every endpoint off the hot path runs in: name → authorize → act here or elsewhere; errors become problems once.

import type { Request, Response } from "hyper-express";
import type { Role } from "../../api/roles.js";
import { checkAppName } from "../../core/app-name.js";
import { HerdError } from "../../core/errors.js";
import type { Claims } from "../../pki/tokens/claims.js";
import type { OwnerSecret } from "../../pki/tokens/owner-secret.js";
import type { Tokens } from "../ports.js";
import { type Relay, relayExchange, type Where } from "../relay/relay.js";
import { bearerOf, claimsOf, requireRole } from "./authorize.js";
import { Exchange, type Incoming, type Outgoing } from "./exchange.js";
import { HttpIncoming, HttpOutgoing } from "./http-exchange.js";
import type { ProblemOptions } from "./problem.js";
import { isLoopback } from "./remote-address.js";

/** Methods that endpoints answer; HEAD follows from GET, OPTIONS and the refusal of others from the table. */
export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** An endpoint: where it is, who may, what it does. A path parameter `app` scopes the token to that app. */
export interface Endpoint {
  readonly method: Method;
  /** As hyper-express writes it: `/v1/apps/:app`. */
  readonly path: string;
  /** Role that the token needs; `none` for everybody, `loopback` for everybody on this machine and admins elsewhere. */
  readonly role: Role | "none" | "loopback";
  /** Whether a token for one app alone may list here; the endpoint then shows that app only. */
  readonly scoped?: boolean;
  /** Whether the secret of this machine's owner is enough too, where this node itself acts: it goes to no other. */
  readonly byOwner?: boolean;
  /**
   * Which node acts, when not every node can; another one relays the request there. It may read the body, which stays readable.
   * Peers reach only endpoints that have it.
   */
  readonly at?: Where | ((exchange: Exchange) => Where | "here" | Promise<Where | "here">);
  /** The largest body that is relayed; 64 KiB when not given. */
  readonly bodyLimitBytes?: number;
  handle(exchange: Exchange): Promise<void> | void;
}

/** What the chain works with. */
export interface ChainOptions extends ProblemOptions {
  readonly tokens: Tokens;
  readonly relay: Relay;
  readonly ownerSecret: Pick<OwnerSecret, "isSame">;
  /** This node's id and how clients reach it (`https://host:port`). */
  readonly place: { readonly id: string; readonly url: () => string };
  /** Counts an exchange that changes something, so that an end in order waits for it; see `InFlight.hold`. */
  readonly hold: () => () => void;
}

const smallBodyBytes = 65_536;

/** The hyper-express handler of an endpoint. */
export function handlerOf(endpoint: Endpoint, options: ChainOptions): (request: Request, response: Response) => void {
  const { tokens, relay, place, ownerSecret } = options;
  return (request, response) => {
    const incoming = new HttpIncoming({ request, response }, { node: place.id, baseUrl: place.url() });
    const outgoing = new HttpOutgoing({ request, response }, options);
    const release = endpoint.method === "GET" ? undefined : options.hold();
    // A client that leaves within its body ends no promise.
    if (release !== undefined) response.once("abort", release);
    const bodyLimitBytes = endpoint.bodyLimitBytes ?? smallBodyBytes;
    perform(
      endpoint,
      { incoming, outgoing },
      {
        tokens,
        local: isLoopback(incoming.remoteAddress),
        isOwner: (bearer) => ownerSecret.isSame(bearer),
        isHere: (where) => relay.isHere(where),
        elsewhere: (where, exchange) => relayExchange(exchange, { relay, where, bodyLimitBytes }),
      },
    )
      .catch((error: unknown) => outgoing.problem(error))
      .finally(release);
  };
}

/** How an exchange is carried out. `local` tells whether the client is on this machine. */
export interface PerformOptions {
  readonly tokens: Tokens;
  readonly local: boolean;
  /** Whether a bearer token is the secret of this machine's owner. */
  readonly isOwner: (bearer: string) => boolean;
  readonly isHere: (where: Where) => boolean;
  /** What happens to an exchange whose place is another node. */
  readonly elsewhere: (where: Where, exchange: Exchange) => Promise<void>;
}

/** Authorizes the request and acts on it, or has it acted on elsewhere. Throws what becomes a problem. */
export async function perform(
  endpoint: Endpoint,
  { incoming, outgoing }: { readonly incoming: Incoming; readonly outgoing: Outgoing },
  { tokens, local, isOwner, isHere, elsewhere }: PerformOptions,
): Promise<void> {
  const named = new Exchange(incoming, outgoing);
  const app = incoming.parameters.app === undefined ? undefined : checkAppName(named.parameter("app"));
  const { authorization } = incoming.headers;
  const byOwner = endpoint.byOwner === true && isOwner(bearerOf(authorization));
  let claims: Claims | undefined;
  if (!byOwner && endpoint.role !== "none" && !(endpoint.role === "loopback" && local)) {
    claims = await claimsOf(tokens, authorization);
    const role = endpoint.role === "loopback" ? "admin" : endpoint.role;
    requireRole(claims, role, endpoint.scoped === true ? claims.app : app);
  }
  const exchange = new Exchange(incoming, outgoing, claims);
  const where = typeof endpoint.at === "function" ? await endpoint.at(exchange) : (endpoint.at ?? "here");
  if (where === "here" || isHere(where)) await endpoint.handle(exchange);
  else if (byOwner)
    throw new HerdError("auth.forbidden", "the owner's secret speaks for the node of this machine alone");
  else await elsewhere(where, exchange);
}
