// Who is signed in: a token that lives as long as the tab, and whether the node still takes it.

import { signal } from "@preact/signals";

const key = "herd-token";

/** The token; null while nobody is signed in. */
export const token = signal<string | null>(sessionStorage.getItem(key));

/** Whether the node refused the token: what is on the page stays, and the sign-in comes over it. */
export const refused = signal(false);

/** From now on requests carry this token. */
export function signInWith(text: string): void {
  sessionStorage.setItem(key, text);
  token.value = text;
  refused.value = false;
}

/** Forgets the token. */
export function signOut(): void {
  sessionStorage.removeItem(key);
  token.value = null;
  refused.value = false;
}

/** Exchanges a one-time code for a token. Rejects with the node's words. */
export async function signInByCode(code: string): Promise<void> {
  const answer = await fetch("/v1/sign-in", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code }),
  });
  const body = (await answer.json()) as { readonly token?: string; readonly detail?: string; readonly title?: string };
  if (body.token === undefined) throw new Error(body.detail ?? body.title ?? answer.statusText);
  signInWith(body.token);
}

/** The code of a sign-in link, taken out of the address: it works once and must not stay in the history. */
export function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) history.replaceState(null, "", `${location.pathname}#/`);
  return code;
}
