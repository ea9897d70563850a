// Names that nobody chose: random ids, and invocation ids that cost no cryptography per call.

import { randomBytes } from "node:crypto";

/** `bytes` random bytes as lower-case hex. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}

/**
 * `bytes` random bytes as base64url without padding (RFC 4648, section 5): for secrets that travel in links and
 * headers.
 */
export function randomBase64url(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}

/**
 * A source of invocation ids, unique over the mesh: 48 random bits of this source, then a count in base 36.
 * They name a call and guard nothing, so a guessable count is no loss.
 */
export function invocationIds(): () => string {
  const prefix = `${randomHex(6)}-`;
  let count = 0;
  return () => prefix + (count++).toString(36);
}

/** Whether a text can be a token's id. */
export function isTokenId(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}
