// The one rule for app names, since they stand in paths, tokens and URLs.

import { HerdError } from "./errors.js";

const pattern = /^[a-z][a-z0-9-]{0,62}$/;

/** Whether a text can name an app: `[a-z][a-z0-9-]{0,62}`. */
export function isAppName(text: string): boolean {
  return pattern.test(text);
}

/** Returns the app name, or throws `request.malformed`. */
export function checkAppName(text: string): string {
  if (isAppName(text)) return text;
  const shown = JSON.stringify(text.slice(0, 80));
  throw new HerdError(
    "request.malformed",
    `${shown} is no app name: 1 to 63 of a-z, 0-9 and hyphens, starting with a letter`,
  );
}
