// Authorization: the bearer token of a request, and what the token's role allows.

import type { Role } from "../../api/roles.js";
import { HerdError } from "../../core/errors.js";
import type { Claims } from "../../pki/tokens/claims.js";
import type { Tokens } from "../ports.js";

const rank: { readonly [role in Role]: number } = { invoke: 1, deploy: 2, admin: 3 };

/** The token of an `Authorization` header. Throws `auth.missing` without one, `auth.invalid` for another scheme. */
export function bearerOf(authorization: string | undefined): string {
  if (authorization === undefined || authorization === "") {
    throw new HerdError("auth.missing", "send a token as: Authorization: Bearer TOKEN");
  }
  // The scheme's case does not matter (RFC 7235); nearly every client writes `Bearer`, so this comparison comes first.
  if (authorization.startsWith("Bearer ") || authorization.slice(0, 7).toLowerCase() === "bearer ") {
    return authorization.slice(7).trim();
  }
  throw new HerdError("auth.invalid", "the Authorization header must be of the scheme Bearer");
}

/** Throws `auth.forbidden` unless the claims include `role` for `app` (undefined: for the whole node). */
export function requireRole(claims: Claims, role: Role, app: string | undefined): void {
  if (rank[claims.role] < rank[role]) {
    throw new HerdError("auth.forbidden", `this needs a token of role ${role}, and the token's role is ${claims.role}`);
  }
  if (claims.app !== undefined && claims.app !== app) {
    throw new HerdError("auth.forbidden", `the token is for the app ${claims.app} only`);
  }
}

/** The claims of a request's token: without a promise when the token was verified before. */
export function claimsOf(tokens: Tokens, authorization: string | undefined): Claims | Promise<Claims> {
  const token = bearerOf(authorization);
  return tokens.verifyCached(token) ?? tokens.verify(token);
}
