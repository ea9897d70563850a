// POST /v1/join and GET /v1/join/{id} for nodes that want in; GET /v1/joins, …/approve and …/reject for who decides.

import { z } from "zod";
import { HerdError } from "../../core/errors.js";
import type { JoinOrigin } from "../../pki/join/origin.js";
import { keeperDigits } from "../../pki/join/pending.js";
import type { JoinAnswer, RegistrationAuthority } from "../../pki/join/registration-authority.js";
import { joinBodyBytes, keeperOf } from "../../pki/join/request.js";
import type { JoinTokenIssuer } from "../../pki/join/token-issuer.js";
import type { Endpoint } from "../http/endpoint.js";
import type { Exchange } from "../http/exchange.js";
import { parseBody } from "../http/parse-body.js";
import { askOtherMasters } from "../relay/other-masters.js";
import type { Relay, Where } from "../relay/relay.js";

/** How joins are answered here. */
export interface Joins {
  /** A master's; other nodes have none and pass requests on. */
  readonly authority: Pick<RegistrationAuthority, "join" | "poll" | "pending" | "approve" | "reject"> | undefined;
  /** Of join tokens; a master's too. */
  readonly issuer: Pick<JoinTokenIssuer, "create" | "list" | "revoke"> | undefined;
  /** Ids of the masters that count, this node's among them if it is one. */
  readonly masters: () => readonly string[];
}

const host = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9:][A-Za-z0-9.:_-]*$/);
const approval = z.strictObject({ deploy: z.boolean().optional(), hosts: z.array(host).max(16).optional() });

const views = z.array(z.object({ since: z.string().max(64) }).loose()).max(64);

/** Throws `node.overloaded` on a node that is no master: only a peer that takes this node for a master can ask. */
export function onMaster<Part>(part: Part | undefined): Part {
  if (part !== undefined) return part;
  throw new HerdError("node.overloaded", "this node is no master", { retryAfterSeconds: 5 });
}

/** The endpoints of joining. */
export function joinsEndpoints({ joins, relay }: { joins: Joins; relay: Relay }): Endpoint[] {
  const authority = () => onMaster(joins.authority);
  /** Ids start with digits of the master that keeps the request. */
  const atKeeper = (exchange: Exchange): Where => {
    const id = exchange.parameter("id");
    const keeper = joins.masters().find((master) => id.startsWith(`${master.slice(0, keeperDigits)}-`));
    if (keeper !== undefined) return { node: keeper };
    throw new HerdError("path.unknown", "no request to join has this id");
  };
  const byAdmin = (exchange: Exchange): string => exchange.claims?.id ?? "";
  return [
    {
      method: "POST",
      path: "/v1/join",
      role: "none",
      bodyLimitBytes: joinBodyBytes,
      async at(exchange) {
        const keeper = keeperOf(await exchange.json(joinBodyBytes));
        if (keeper === undefined) return "master";
        if (joins.masters().includes(keeper)) return { node: keeper };
        throw new HerdError("join.refused", "the master that made the join token is none of this mesh any more");
      },
      async handle(exchange) {
        send(exchange, await authority().join(await exchange.json(joinBodyBytes), originOf(exchange)));
      },
    },
    {
      method: "GET",
      path: "/v1/join/:id",
      role: "none",
      at: atKeeper,
      handle: (exchange) => send(exchange, authority().poll(exchange.parameter("id"), originOf(exchange))),
    },
    {
      method: "GET",
      path: "/v1/joins",
      role: "admin",
      // Every master keeps its own, and whichever node is asked gathers them.
      at: () => "here",
      async handle(exchange) {
        const others = await askOtherMasters(exchange, { relay, masters: joins.masters() });
        const lists = [joins.authority?.pending() ?? [], ...others.map(({ json }) => views.safeParse(json).data ?? [])];
        exchange.answer(
          200,
          lists.flat().sort((a, b) => a.since.localeCompare(b.since)),
        );
      },
    },
    {
      method: "POST",
      path: "/v1/joins/:id/approve",
      role: "admin",
      at: atKeeper,
      async handle(exchange) {
        const decision = parseBody(approval, (await exchange.json()) ?? {});
        exchange.answer(
          200,
          await authority().approve(exchange.parameter("id"), { ...decision, by: byAdmin(exchange) }),
        );
      },
    },
    {
      method: "POST",
      path: "/v1/joins/:id/reject",
      role: "admin",
      at: atKeeper,
      async handle(exchange) {
        await authority().reject(exchange.parameter("id"), byAdmin(exchange));
        exchange.done();
      },
    },
  ];
}

function originOf({ remoteAddress: address, arrivedAt }: Exchange): JoinOrigin {
  return { address, arrivedAt };
}

function send(exchange: Exchange, { status, body }: JoinAnswer): void {
  exchange.send(status, { type: "application/json", body });
}
