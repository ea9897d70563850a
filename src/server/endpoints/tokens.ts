// POST and GET /v1/tokens, DELETE /v1/tokens/{id}, POST /v1/sign-in.

import { z } from "zod";
import { isAppName } from "../../core/app-name.js";
import { HerdError } from "../../core/errors.js";
import type { Endpoint } from "../http/endpoint.js";
import type { Exchange } from "../http/exchange.js";
import { parseBody } from "../http/parse-body.js";
import type { SignIn, Tokens } from "../ports.js";
import { askOtherMasters } from "../relay/other-masters.js";
import type { Relay } from "../relay/relay.js";
import { tellDurable } from "./durable.js";
import { type Joins, onMaster } from "./joins.js";
import type { Storage } from "./node-state.js";

const day = 24 * 3_600;

const createBody = z.strictObject({
  role: z.enum(["invoke", "deploy", "admin", "join"]),
  app: z.string().refine(isAppName, "not an app name").optional(),
  node: z.string().max(64).optional(),
  ttlSeconds: z.number().int().positive().optional(),
  uses: z.number().int().positive().optional(),
  master: z.boolean().optional(),
  deploy: z.boolean().optional(),
  hosts: z
    .array(
      z
        .string()
        .max(253)
        .regex(/^[A-Za-z0-9:][A-Za-z0-9.:_-]*$/, "not a host"),
    )
    .max(16)
    .optional(),
});

type CreateBody = z.infer<typeof createBody>;

const views = z.array(z.object({ id: z.string().max(64) }).loose()).max(20_000);
const signInBody = z.strictObject({ code: z.string().min(1).max(256) });

/** What the endpoints work with. */
export interface TokensOptions {
  readonly tokens: Tokens;
  readonly signIn: SignIn;
  readonly joins: Joins;
  readonly relay: Relay;
  readonly storage?: Storage | undefined;
}

/** Tokens, and the sign-in that gives the console one. */
export function tokensEndpoints({ tokens, signIn, joins, relay, storage }: TokensOptions): Endpoint[] {
  return [
    {
      method: "POST",
      path: "/v1/tokens",
      role: "admin",
      at: "master",
      async handle(exchange) {
        const body = parseBody(createBody, await exchange.json());
        const { role, app, ttlSeconds } = body;
        if (role === "join") {
          const request = { ...joinRequest(body), by: askedBy(exchange) };
          exchange.answer(201, await onMaster(joins.issuer).create(request));
          return;
        }
        const foreign = (["node", "uses", "master", "deploy", "hosts"] as const).find((key) => body[key] !== undefined);
        if (foreign !== undefined) {
          throw new HerdError("request.malformed", `${foreign} is for tokens of role join`, { where: `/${foreign}` });
        }
        const issued = await tokens.issue({
          role,
          ttlSeconds: ttlSeconds ?? day,
          by: askedBy(exchange),
          ...(app === undefined ? {} : { app }),
        });
        exchange.answer(201, issued);
      },
    },
    {
      method: "GET",
      path: "/v1/tokens",
      role: "admin",
      at: () => "here",
      async handle(exchange) {
        const others = await askOtherMasters(exchange, { relay, masters: joins.masters() });
        const all = [
          tokens.list(),
          joins.issuer?.list() ?? [],
          ...others.map(({ json }) => views.safeParse(json).data ?? []),
        ];
        // Tokens of other roles are known everywhere.
        exchange.answer(200, [...new Map(all.flat().map((token) => [token.id, token])).values()]);
      },
    },
    {
      method: "DELETE",
      path: "/v1/tokens/:id",
      role: "admin",
      at: "master",
      async handle(exchange) {
        const id = exchange.parameter("id");
        if (!(await joins.issuer?.revoke(id, askedBy(exchange)))) {
          await tokens.revoke(id, askedBy(exchange)).catch(async (error: unknown) => {
            if (!(error instanceof HerdError) || error.code !== "path.unknown") throw error;
            const others = await askOtherMasters(exchange, { relay, masters: joins.masters() });
            if (!others.some(({ status }) => status === 204)) throw error;
          });
        }
        tellDurable(exchange, storage);
        exchange.done();
      },
    },
    {
      method: "POST",
      path: "/v1/sign-in",
      role: "none",
      async handle(exchange) {
        const { code } = parseBody(signInBody, await exchange.json(4_096));
        exchange.answer(200, await signIn.redeem(code));
      },
    },
  ];
}

/** The id of the token that asked. */
function askedBy({ claims }: Pick<Exchange, "claims">): string {
  return claims?.id ?? "";
}

/** What is asked for a join token. Throws `request.malformed` for what only other tokens have. */
function joinRequest({ app, node, ttlSeconds, uses, master, deploy, hosts }: CreateBody) {
  if (app !== undefined) throw new HerdError("request.malformed", "a join token is for no app", { where: "/app" });
  return { node, ttlSeconds, uses, master, deploy, hosts };
}
