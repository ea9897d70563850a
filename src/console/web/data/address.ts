// The address of the shown view: the part of the URL after the hash, so that the node serves one page for all views.

import { computed, signal } from "@preact/signals";

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

/** The decoded parts of the address: `#/apps/shop` is `["apps", "shop"]`. */
export const address = computed<readonly string[]>(() => {
  if (!hash.value.startsWith("#/")) return [];
  return hash.value.slice(2).split("/").filter(Boolean).map(decoded);
});

/** The address of a view. */
export function linkTo(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Goes to a view. */
export function goTo(...parts: readonly string[]): void {
  location.hash = linkTo(...parts);
}

/** Reads the address again, after code replaced it without an event. */
export function readAddress(): void {
  hash.value = location.hash;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
