// The sign-in link of `herd up`: its one-time code is taken out of the address and exchanged for a token.

import { signIn } from "../../../api/tokens.ts";
import { call } from "./requests.ts";
import { signInWith } from "./session.ts";

/** Exchanges a one-time code for a token. Rejects with a ProblemError. */
export async function signInByCode(code: string): Promise<void> {
  // Without the token of the session: a used link is answered 401, which would count as a refusal of that token.
  const issued = await call(signIn, { body: { code }, token: null });
  signInWith(issued.token);
}

/** The code of a sign-in link, removed from the address: the code works once and must not stay in the history. */
export function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) history.replaceState(null, "", `${location.pathname}#/`);
  return code;
}
