// POST and GET /v1/tokens, DELETE /v1/tokens/{id}, POST /v1/sign-in.

import { z } from "zod";
import { isAppName } from "../../core/app-name.js";
import { HerdError } from "../../core/errors.js";
import type { Endpoint } from "../endpoint.js";
import type { SignIn, Tokens } from "../seams.js";

const day = 24 * 3_600;

const createBody = z.strictObject({
  role: z.enum(["invoke", "deploy", "admin", "join"]),
  app: z.string().refine(isAppName, "not an app name").optional(),
  node: z.string().max(64).optional(),
  ttlSeconds: z.number().int().positive().optional(),
  uses: z.number().int().positive().optional(),
});

const signInBody = z.strictObject({ code: z.string().min(1).max(256) });

/** Tokens, and the sign-in that gives the console one. */
export function tokensEndpoints({ tokens, signIn }: { tokens: Tokens; signIn: SignIn }): Endpoint[] {
  return [
    {
      method: "POST",
      path: "/v1/tokens",
      role: "admin",
      at: "master",
      async handle(exchange) {
        const { role, app, node, ttlSeconds, uses } = parse(createBody, await exchange.json());
        if (role === "join") {
          throw new HerdError(
            "request.malformed",
            "this version runs meshes of one node: there is nothing to join yet",
          );
        }
        if (node !== undefined || uses !== undefined) {
          throw new HerdError("request.malformed", "node and uses are for tokens of role join");
        }
        const issued = await tokens.issue({
          role,
          ttlSeconds: ttlSeconds ?? day,
          ...(app === undefined ? {} : { app }),
        });
        exchange.answer(201, issued);
      },
    },
    {
      method: "GET",
      path: "/v1/tokens",
      role: "admin",
      handle: (exchange) => exchange.answer(200, tokens.list()),
    },
    {
      method: "DELETE",
      path: "/v1/tokens/:id",
      role: "admin",
      at: "master",
      async handle(exchange) {
        await tokens.revoke(exchange.parameter("id"));
        exchange.done();
      },
    },
    {
      method: "POST",
      path: "/v1/sign-in",
      role: "none",
      async handle(exchange) {
        const { code } = parse(signInBody, await exchange.json(4_096));
        exchange.answer(200, await signIn.redeem(code));
      },
    },
  ];
}

function parse<Shape>(schema: z.ZodType<Shape>, value: unknown): Shape {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = `/${issue?.path.join("/") ?? ""}`;
  throw new HerdError("request.malformed", `the body does not fit: ${issue?.message ?? "unreadable"}`, { where });
}
