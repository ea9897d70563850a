// POST and GET /v1/tokens, DELETE /v1/tokens/{id}, POST /v1/sign-in.

import * as z from "zod";
import * as api from "../../api/tokens.js";
import { HerdError } from "../../core/errors.js";
import { created, type Endpoint, type EndpointRequest, empty, endpoint, ok } from "../http/endpoint.js";
import type { SignIn, Tokens } from "../ports.js";
import { requestFromOtherMasters } from "../relay/gather-from-masters.js";
import type { Relay } from "../relay/relay-message.js";
import { durability, type Storage } from "./durable.js";
import { type Joins, onMaster } from "./joins.js";

const daySeconds = 24 * 3_600;

/** The join tokens of another master, in the shape of the contract. */
const listedTokens = z.array(api.listedToken).max(20_000);

/** Dependencies of the endpoints. */
export interface TokensOptions {
  readonly tokens: Tokens;
  readonly signIn: SignIn;
  readonly joins: Joins;
  readonly relay: Relay;
  readonly storage?: Storage | undefined;
}

/** The endpoints of tokens, and of the sign-in that gives the console a token. */
export function tokensEndpoints({ tokens, signIn, joins, relay, storage }: TokensOptions): Endpoint[] {
  return [
    endpoint(api.createToken, {
      async handle({ body, by }) {
        const { role, app, ttlSeconds = daySeconds } = body;
        if (role === "join") {
          const request = joinRequest(body);
          return created(await onMaster(joins.issuer).create({ ...request, by }));
        }
        const foreign = joinFields.find((key) => body[key] !== undefined);
        if (foreign !== undefined) {
          throw new HerdError("request.malformed", `${foreign} is for tokens of role join`, { where: `/${foreign}` });
        }
        const scope = app === undefined ? {} : { app };
        return created(await tokens.issue({ role, ttlSeconds, by, ...scope }));
      },
    }),
    endpoint(api.listTokens, {
      async handle(request) {
        const others = await requestFromOtherMasters(request, { relay, masters: joins.masters() });
        const all = [
          tokens.list(),
          joins.issuer?.list() ?? [],
          ...others.map(({ json }) => listedTokens.safeParse(json).data ?? []),
        ];
        // Every node knows the tokens of other roles, so lists of masters repeat them: one entry for each id.
        return ok([...new Map(all.flat().map((token) => [token.id, token])).values()]);
      },
    }),
    endpoint(api.revokeToken, {
      async handle(request) {
        const { by, parameters } = request;
        const { id } = parameters;
        const here = (await joins.issuer?.revoke(id, by)) || (await tokens.revoke(id, by));
        if (!here) {
          const others = await requestFromOtherMasters(request, { relay, masters: joins.masters() });
          if (!others.some(({ status }) => status === 204)) throw unknownToken(id);
        }
        return empty(durability(storage).headers);
      },
    }),
    endpoint(api.signIn, { handle: async ({ body }) => ok(await signIn.redeem(body.code)) }),
  ];
}

type CreateBody = EndpointRequest<typeof api.createToken>["body"];

const joinFields = ["node", "uses", "master", "deploy", "hosts"] as const;

/** The fields of a join token. Throws `request.malformed` for a field of other tokens. */
function joinRequest({ app, node, ttlSeconds, uses, master, deploy, hosts }: CreateBody) {
  if (app !== undefined) throw new HerdError("request.malformed", "a join token is for no app", { where: "/app" });
  return { node, ttlSeconds, uses, master, deploy, hosts };
}

function unknownToken(id: string): HerdError {
  return new HerdError("token.unknown", `no token has the id ${JSON.stringify(id.slice(0, 64))}`);
}
