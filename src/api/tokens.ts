// Tokens: issue, list, revoke, and the sign-in that exchanges a one-time code for one.

import * as z from "zod";
import { roles } from "./roles.js";
import { answer, json, type Route } from "./route.js";
import { appName, count, durableHeader, here, host, time } from "./values.js";

const issuedAt = time("When it was issued");
const expires = time("When it ends");

/** A token that invokes, deploys or administers. */
const callToken = z
  .object({
    id: z.string().describe("16 hex digits."),
    role: z.enum(roles).describe("What it allows: admin includes deploy, deploy includes invoke."),
    app: appName.optional().describe("The only app that it is for; absent: all."),
    issued: issuedAt,
    expires,
  })
  .meta({ id: "Token" });

/** A token that lets nodes join. */
const joinToken = z
  .object({
    id: z.string().describe("16 hex digits."),
    role: z.literal("join").describe("A node joins with it."),
    node: z.string().optional().describe("The only name that a node may join under; absent: every name."),
    master: z.boolean().describe("Whether nodes that join with it become masters."),
    deploy: z.boolean().describe("Whether nodes that join with it may deploy."),
    uses: count("Nodes that may join with it."),
    usesLeft: count("Uses that are left."),
    issued: issuedAt,
    expires,
  })
  .meta({ id: "JoinToken" });

/** A token in a list. */
export const listedToken = z.union([callToken, joinToken]);

const text = { token: z.string().describe("The token itself: this answer alone holds it.") };

/** The answer to a token that was issued. */
const issuedToken = z
  .union([
    callToken.extend(text),
    joinToken.extend({
      ...text,
      url: z.string().optional().describe("Address of the master; absent when it has none."),
      fingerprint: z.string().describe("SHA-256 of the root certificate, hex."),
    }),
  ])
  .meta({ id: "IssuedToken" });

const createBody = z
  .strictObject({
    role: z.enum([...roles, "join"]).describe("What the token allows; `join`: a node joins with it."),
    app: appName.optional().describe("Limits a token of role invoke or deploy to one app."),
    ttlSeconds: z
      .int()
      .positive()
      .optional()
      .describe(
        "Life in seconds: of a join token at most 366 days, and 300 when not given; of any other token at most ten " +
          "years, and 86,400 when not given.",
      ),
    node: z.string().max(64).optional().describe("Of a join token: the only name that a node may join under."),
    uses: z
      .int()
      .positive()
      .optional()
      .describe("Of a join token: nodes that may join, at most 10,000; 1 when not given."),
    master: z.boolean().optional().describe("Of a join token: whether nodes become masters; false when not given."),
    deploy: z.boolean().optional().describe("Of a join token: whether nodes may deploy; true when not given."),
    hosts: z
      .array(host)
      .max(16)
      .optional()
      .describe("Of a join token: names and addresses that it vouches for, for the certificates of nodes that join."),
  })
  .meta({ id: "TokenRequest" });

/** `POST /v1/tokens`. */
export const createToken = {
  method: "POST",
  path: "/v1/tokens",
  summary: "Issues a token.",
  role: "admin",
  at: "master",
  body: json(createBody),
  answers: { 201: answer("The token.", json(issuedToken)) },
  problems: ["state.conflict", "storage.full"],
} as const satisfies Route;

/** `GET /v1/tokens`. */
export const listTokens = {
  method: "GET",
  path: "/v1/tokens",
  summary:
    "Lists the tokens that are alive, without their texts: those of the mesh, then the join tokens of each master.",
  role: "admin",
  at: "masters",
  query: here,
  answers: { 200: answer("The tokens, oldest first.", json(z.array(listedToken))) },
} as const satisfies Route;

/** `DELETE /v1/tokens/{id}`. */
export const revokeToken = {
  method: "DELETE",
  path: "/v1/tokens/{id}",
  summary: "Revokes a token for good, at every node.",
  role: "admin",
  at: "master",
  parameters: z.object({ id: z.string().describe("Id of the token.") }),
  query: here,
  answers: { 204: { ...answer("Revoked."), headers: durableHeader } },
  problems: ["token.unknown"],
} as const satisfies Route;

/** `POST /v1/sign-in`. */
export const signIn = {
  method: "POST",
  path: "/v1/sign-in",
  summary: "Exchanges a one-time code, as a start of the node prints it, for an admin token.",
  role: "none",
  at: "here",
  body: json(z.strictObject({ code: z.string().min(1).max(256).describe("The code: it is used up.") })),
  bodyLimitBytes: 4_096,
  answers: { 200: answer("The token.", json(callToken.extend(text))) },
  problems: ["auth.invalid", "request.throttled", "state.conflict", "storage.full"],
} as const satisfies Route;
