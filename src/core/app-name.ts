// The one rule for app names, since they stand in paths, tokens and URLs.

import { HerdError } from "./errors.js";

/** A text that can name an app. */
export const appNamePattern = /^[a-z][a-z0-9-]{0,62}$/;

/** Whether a text can name an app. */
export function isAppName(text: string): boolean {
  return appNamePattern.test(text);
}

/** Why a text names no app. */
export function appNameFault(text: string): string {
  return `${JSON.stringify(text.slice(0, 80))} is no app name: 1 to 63 of a-z, 0-9 and hyphens, starting with a letter`;
}

/** Returns the app name, or throws `request.malformed`. */
export function checkAppName(text: string): string {
  if (isAppName(text)) return text;
  throw new HerdError("request.malformed", appNameFault(text));
}
