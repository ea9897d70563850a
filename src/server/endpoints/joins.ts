// POST /v1/join and GET /v1/join/{id} for nodes that want in; GET /v1/joins, …/approve and …/reject for who decides.

import { z } from "zod";
import * as api from "../../api/joins.js";
import { HerdError } from "../../core/errors.js";
import { keeperDigits } from "../../pki/join/pending.js";
import type { JoinOrigin, RegistrationAuthority } from "../../pki/join/registration-authority.js";
import { type Endpoint, type EndpointRequest, empty, endpoint, ok } from "../http/endpoint.js";
import type { Where } from "../http/place.js";
import { askOtherMasters } from "../relay/other-masters.js";
import type { Relay } from "../relay/relay.js";

/** What other masters keep, as far as it has the shape of the contract. */
const pendingJoins = z.array(api.pendingJoin).max(64);

/** How joins are answered here. */
export interface Joins {
  /** A master's; other nodes have none and pass requests on. */
  readonly desk:
    | Pick<
        RegistrationAuthority,
        "join" | "poll" | "pending" | "approve" | "reject" | "createToken" | "revokeToken" | "tokens"
      >
    | undefined;
  /** Ids of the masters that count, this node's among them if it is one. */
  readonly masters: () => readonly string[];
}

/** The registration authority here. Throws `node.unavailable` where there is none: only a peer that takes this node for a master can ask. */
export function deskOf({ desk }: Joins): NonNullable<Joins["desk"]> {
  if (desk !== undefined) return desk;
  throw new HerdError("node.unavailable", "this node is no master", { retryAfterSeconds: 5 });
}

/** The endpoints of joining. */
export function joinsEndpoints({ joins, relay }: { joins: Joins; relay: Relay }): Endpoint[] {
  const deskHere = () => deskOf(joins);
  /** Ids start with digits of the master that keeps the request. */
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
        throw new HerdError("join.refused", "the master that made the join token is none of this mesh any more");
      },
      handle: ({ body, http }) => deskHere().join(body, originOf(http)),
    }),
    endpoint(api.pollJoin, {
      where: atKeeper,
      handle: ({ parameters, http }) => deskHere().poll(parameters.id, originOf(http)),
    }),
    endpoint(api.listJoins, {
      async handle(request) {
        const others = await askOtherMasters(request, { relay, masters: joins.masters() });
        const lists = [
          joins.desk?.pending() ?? [],
          ...others.map(({ json }) => pendingJoins.safeParse(json).data ?? []),
        ];
        return ok(lists.flat().sort((a, b) => a.since.localeCompare(b.since)));
      },
    }),
    endpoint(api.approveJoin, {
      where: atKeeper,
      handle: async ({ parameters, body = {}, claims }) =>
        ok(await deskHere().approve(parameters.id, { ...body, by: claims?.id ?? "" })),
    }),
    endpoint(api.rejectJoin, {
      where: atKeeper,
      async handle({ parameters, claims }) {
        await deskHere().reject(parameters.id, claims?.id ?? "");
        return empty();
      },
    }),
  ];
}

function originOf({ remoteAddress: address, arrivedAt }: EndpointRequest["http"]): JoinOrigin {
  return { address, arrivedAt };
}
