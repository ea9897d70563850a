// The session: a token that lives as long as the tab, and whether the node still accepts it.

import { signal } from "@preact/signals";

const key = "herd-token";

/** The token; null while nobody is signed in. */
export const token = signal<string | null>(sessionStorage.getItem(key));

/** Whether the node refused the token: the page keeps its content, and the sign-in opens over it. */
export const refused = signal(false);

/** Sets the token that requests carry from now on. */
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
