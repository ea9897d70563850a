// The content of a token, in the one shape that the rest of the node reads.

import { isRole, type Role } from "../../api/roles.js";
import { isAppName } from "../../core/app-name.js";
import { isTokenId } from "../../core/ids.js";

/** A verified token: its id, role, the app that it is limited to, and its end in epoch ms. */
export interface Claims {
  readonly id: string;
  readonly role: Role;
  readonly app?: string;
  readonly expiresAt: number;
}

/** The claims of a JWT's payload, `undefined` when it is not one of ours. */
export function claimsOf(payload: Readonly<Record<string, unknown>>): Claims | undefined {
  const { jti, role, app, exp } = payload;
  if (typeof jti !== "string" || !isTokenId(jti) || !isRole(role) || typeof exp !== "number") return undefined;
  const claims = { id: jti, role, expiresAt: exp * 1_000 };
  if (app === undefined) return Object.freeze(claims);
  return typeof app === "string" && isAppName(app) ? Object.freeze({ ...claims, app }) : undefined;
}
