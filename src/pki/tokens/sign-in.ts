// One-time codes that turn into an admin token: how a link on a terminal signs a browser in.

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { randomBase64url } from "../../core/ids.js";
import type { TokenAuthority } from "./tokens.js";

const codeBytes = 16;
const codeLifeMs = 600_000;
const codeLimit = 64;
const sessionSeconds = 12 * 3_600;

/** Makes codes of 128 random bits that live ten minutes and work once. They are kept in memory, as hashes. */
export class SignIn {
  readonly #tokens: Pick<TokenAuthority, "issue">;
  readonly #clock: Clock;
  /** SHA-256 of a code → its end, in epoch ms. The time of a look-up by hash reveals nothing about the code. */
  readonly #codes = new LRUCache<string, number>({ max: codeLimit });

  constructor(options: { tokens: Pick<TokenAuthority, "issue">; clock: Clock }) {
    this.#tokens = options.tokens;
    this.#clock = options.clock;
  }

  /** A new code. Over 64 open ones the oldest dies. */
  createCode(): string {
    const code = randomBase64url(codeBytes);
    this.#codes.set(hashOf(code), this.#clock.now() + codeLifeMs);
    return code;
  }

  /**
   * An admin token for twelve hours in exchange for a code. Throws `auth.invalid` for a code that is unknown, used or
   * expired.
   */
  async redeem(code: string): Promise<Awaited<ReturnType<TokenAuthority["issue"]>>> {
    const hash = hashOf(code);
    const end = this.#codes.get(hash);
    this.#codes.delete(hash);
    if (end === undefined || end <= this.#clock.now()) {
      throw new HerdError("auth.invalid", "the sign-in code is unknown, used or older than ten minutes");
    }
    return this.#tokens.issue({ role: "admin", ttlSeconds: sessionSeconds, by: "sign-in code" });
  }
}

function hashOf(code: string): string {
  return createHash("sha256").update(code).digest("hex");
}
