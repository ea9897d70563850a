// Tokens that were verified before: a look-up instead of a signature check (221 µs) per request.

import { LRUCache } from "lru-cache";
import type { Clock } from "../../core/clock.js";
import type { Claims } from "./claims.js";

const defaultCapacity = 4_096;

/**
 * Claims by the text of their token, the least recently used ones dropped over `capacity`. An entry dies with its
 * token.
 */
export class TokenCache {
  readonly #clock: Clock;
  readonly #entries: LRUCache<string, Claims>;

  constructor(options: { clock: Clock; capacity?: number }) {
    this.#clock = options.clock;
    this.#entries = new LRUCache({ max: options.capacity ?? defaultCapacity });
  }

  /** The claims of a token that is still good. */
  get(token: string): Claims | undefined {
    const claims = this.#entries.get(token);
    if (claims === undefined || claims.expiresAt > this.#clock.now()) return claims;
    this.#entries.delete(token);
    return undefined;
  }

  set(token: string, claims: Claims): void {
    this.#entries.set(token, claims);
  }

  /** Forgets every token. */
  clear(): void {
    this.#entries.clear();
  }

  /** Forgets a token by its id. */
  forget(id: string): void {
    for (const [token, claims] of [...this.#entries]) {
      // One token can have several spellings: base64url leaves bits unused.
      if (claims.id === id) this.#entries.delete(token);
    }
  }
}
