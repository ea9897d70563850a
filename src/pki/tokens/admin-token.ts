// The admin token that a node keeps for the command line on its own machine.

import { StorageFull } from "../../storage/storage-error.js";
import type { TokenAuthority } from "./tokens.js";

const lifeSeconds = 365 * 86_400;

/**
 * Keeps `previous` while it is good for another half year, else issues an admin token for a year: each start may call
 * this. `undefined` when a full disk takes no new token: `previous` stays good, and the next start makes one.
 */
export async function keepAdminToken(
  tokens: TokenAuthority,
  options: { previous: string | undefined; clock: { now(): number } },
): Promise<string | undefined> {
  const { previous, clock } = options;
  // A token that fails any check is replaced.
  const claims = previous === undefined ? undefined : await tokens.verify(previous).catch(() => undefined);
  const enough = clock.now() + (lifeSeconds * 1_000) / 2;
  if (previous !== undefined && claims?.role === "admin" && claims.expiresAt > enough) return previous;
  try {
    return (await tokens.issue({ role: "admin", ttlSeconds: lifeSeconds, by: "state directory" })).token;
  } catch (error) {
    if (error instanceof StorageFull) return undefined;
    throw error;
  }
}
