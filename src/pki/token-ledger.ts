// Which tokens were issued and which of them were revoked. Never the tokens themselves.

import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import { SerialQueue } from "../core/serial-queue.js";
import type { StateFiles } from "../core/state-files.js";
import { type Claims, isRole, isTokenId } from "./claims.js";

const fileName = "tokens";
const version = 1;
const issuedLimit = 10_000;
/** Entries outlive their tokens by this, so that a clock that is set back revives none. */
const graceMs = 86_400_000;

/** An issued token: its claims, and when it was made, in epoch ms. */
export interface IssuedToken extends Claims {
  readonly issuedAt: number;
}

/** A revoked token's id, and until when that must be remembered (epoch ms). The set only grows until then, so two can merge. */
export interface Revocation {
  readonly id: string;
  readonly expiresAt: number;
}

interface Ledger {
  readonly version: typeof version;
  readonly issued: readonly IssuedToken[];
  readonly revoked: readonly Revocation[];
}

/** The ledger in one state file. A change is durable before its promise resolves and before it takes effect. */
export class TokenLedger {
  readonly #files: StateFiles;
  readonly #clock: Clock;
  readonly #changes = new SerialQueue();
  #issued: ReadonlyMap<string, IssuedToken> = new Map();
  #revoked: ReadonlyMap<string, Revocation> = new Map();

  constructor(options: { files: StateFiles; clock: Clock }) {
    this.#files = options.files;
    this.#clock = options.clock;
  }

  /** Reads the ledger. Throws `internal` naming the file when it is damaged. */
  async open(): Promise<void> {
    const bytes = await this.#files.read(fileName);
    if (bytes === undefined) return;
    const ledger = parse(bytes);
    if (ledger === undefined) throw new HerdError("internal", `${this.#files.describe(fileName)} is damaged`);
    this.#issued = byId(ledger.issued);
    this.#revoked = byId(ledger.revoked);
  }

  /** Tokens that are neither expired nor revoked, oldest first. */
  list(): IssuedToken[] {
    const now = this.#clock.now();
    return [...this.#issued.values()].filter(({ id, expiresAt }) => expiresAt > now && !this.#revoked.has(id));
  }

  isRevoked(id: string): boolean {
    return this.#revoked.has(id);
  }

  /** Writes down a token. Throws `request.throttled` when too many are alive. */
  async record(token: IssuedToken): Promise<void> {
    await this.#changes.run(async () => {
      if (this.list().length >= issuedLimit) {
        throw new HerdError("request.throttled", `${issuedLimit} tokens are alive: revoke some first`, {
          retryAfterSeconds: 60,
        });
      }
      await this.#save([...this.#issued.values(), token], [...this.#revoked.values()]);
    });
  }

  /** Revokes an issued token; `false` when it is not known here. Revoking twice is fine. */
  async revoke(id: string): Promise<boolean> {
    return this.#changes.run(async () => {
      const token = this.#issued.get(id);
      if (token === undefined) return false;
      const revoked = [...this.#revoked.values(), { id, expiresAt: token.expiresAt }];
      if (!this.#revoked.has(id)) await this.#save([...this.#issued.values()], revoked);
      return true;
    });
  }

  async #save(issued: readonly IssuedToken[], revoked: readonly Revocation[]): Promise<void> {
    const from = this.#clock.now() - graceMs;
    const ledger: Ledger = {
      version,
      issued: issued.filter(({ expiresAt }) => expiresAt > from),
      revoked: revoked.filter(({ expiresAt }) => expiresAt > from),
    };
    await this.#files.write(fileName, JSON.stringify(ledger));
    this.#issued = byId(ledger.issued);
    this.#revoked = byId(ledger.revoked);
  }
}

function byId<Entry extends { readonly id: string }>(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  return new Map(entries.map((entry) => [entry.id, entry]));
}

function parse(bytes: Buffer): Ledger | undefined {
  let value: Partial<Ledger> | null;
  try {
    value = JSON.parse(bytes.toString("utf8")) as Partial<Ledger> | null;
  } catch {
    return undefined;
  }
  const { issued, revoked } = value ?? {};
  if (value?.version !== version || !Array.isArray(issued) || !Array.isArray(revoked)) return undefined;
  const whole = revoked.every(isEntry) && issued.every((entry) => isEntry(entry) && isRole(entry.role));
  return whole ? (value as Ledger) : undefined;
}

function isEntry(entry: { id?: unknown; expiresAt?: unknown } | null): boolean {
  return typeof entry?.id === "string" && isTokenId(entry.id) && typeof entry.expiresAt === "number";
}
