// POST /v1/join and GET /v1/join/{id} for nodes that join; GET /v1/joins, …/approve and …/reject for admins.

import * as z from "zod";
import * as api from "../../api/joins.js";
import { HerdError } from "../../core/errors.js";
import type { JoinOrigin } from "../../pki/join/origin.js";
import { keeperDigits } from "../../pki/join/pending.js";
import type { RegistrationAuthority } from "../../pki/join/registration-authority.js";
import type { JoinTokenIssuer } from "../../pki/join/token-issuer.js";
import { JoinRefused } from "../../pki/join-refused.js";
import { type Endpoint, type EndpointRequest, empty, endpoint, ok } from "../http/endpoint.js";
import type { Where } from "../http/place.js";
import { requestFromOtherMasters } from "../relay/gather-from-masters.js";
import type { Relay } from "../relay/relay-message.js";

/** The pending joins of another master, in the shape of the contract. */
const pendingJoins = z.array(api.pendingJoin).max(64);

/** Dependencies of the endpoints of joining. */
export interface Joins {
  /** The registration authority of a master; undefined on other nodes, which relay the requests. */
  readonly authority: Pick<RegistrationAuthority, "join" | "poll" | "pending" | "approve" | "reject"> | undefined;
  /** The issuer of join tokens; undefined on a node that is no master. */
  readonly issuer: Pick<JoinTokenIssuer, "create" | "list" | "revoke"> | undefined;
  /** Ids of the masters that are not revoked, this node's among them if it is one. */
  readonly masters: () => readonly string[];
}

/** The part, which masters have. Throws `node.unavailable` on a node that a peer takes for a master by mistake. */
export function onMaster<Part>(part: Part | undefined): Part {
  if (part !== undefined) return part;
  throw new HerdError("node.unavailable", "this node is no master", { retryAfterSeconds: 5 });
}

/** The endpoints of joining. */
export function joinsEndpoints({ joins, relay }: { joins: Joins; relay: Relay }): Endpoint[] {
  const authority = () => onMaster(joins.authority);
  /** The master that keeps the request: the id of a request starts with digits of that master's id. */
  const atKeeper = ({ parameters: { id } }: { readonly parameters: { readonly id: string } }): Where => {
    const keeper = joins.masters().find((master) => id.startsWith(`${master.slice(0, keeperDigits)}-`));
    if (keeper !== undefined) return { node: keeper };
    throw new HerdError("join.unknown", "no request to join has this id");
  };
  return [
    endpoint(api.join, {
      where({ body: { token } }) {
        if (token === undefined) return "master";
        if (joins.masters().includes(token.keeper)) return { node: token.keeper };
        throw new JoinRefused("the master that made the join token is none of this mesh any more");
      },
      handle: ({ body, http }) => authority().join(body, originOf(http)),
    }),
    endpoint(api.pollJoin, {
      where: atKeeper,
      handle: ({ parameters, http }) => authority().poll(parameters.id, originOf(http)),
    }),
    endpoint(api.listJoins, {
      async handle(request) {
        const others = await requestFromOtherMasters(request, { relay, masters: joins.masters() });
        const lists = [
          joins.authority?.pending() ?? [],
          ...others.map(({ json }) => pendingJoins.safeParse(json).data ?? []),
        ];
        return ok(lists.flat().sort((a, b) => a.since.localeCompare(b.since)));
      },
    }),
    endpoint(api.approveJoin, {
      where: atKeeper,
      handle: async ({ parameters, body = {}, by }) => ok(await authority().approve(parameters.id, { ...body, by })),
    }),
    endpoint(api.rejectJoin, {
      where: atKeeper,
      async handle({ parameters, by }) {
        await authority().reject(parameters.id, by);
        return empty();
      },
    }),
  ];
}

function originOf({ remoteAddress: address, arrivedAt }: EndpointRequest["http"]): JoinOrigin {
  return { address, arrivedAt };
}
