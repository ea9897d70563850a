// Which tokens of the mesh were issued and which of them were revoked, as every node knows it. Never the tokens
// themselves.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { aheadLimitMs, encodeSigned, type Signed, type Signer } from "../../core/signed.js";
import type { StateFiles } from "../../storage/state-files.js";
import { KeyedRecords, type KindRules } from "../registry/keyed-records.js";
import { type Payload, payloadText } from "../registry/records.js";
import { checkTime, newest } from "../registry/rules.js";
import type { Claims } from "./claims.js";

const issuedLimit = 10_000;
/** Entries outlive their tokens by this, so that a clock that is set back revives none. */
const graceMs = 86_400_000;

/** The longest life of a token: ten years of seconds. */
export const maxTokenSeconds = 10 * 365 * 86_400;

/** An issued token: its claims, and when it was made, in epoch ms. */
interface IssuedToken extends Claims {
  readonly issuedAt: number;
}

/** The nodes that may sign for the mesh: its registry. */
interface TokenAuthors {
  isRevoked(node: string): boolean;
  /** Throws `auth.invalid` unless a master that counts signed it; `unknown` when it is not known yet. */
  verifyMaster(signed: Signed): object | "unknown";
  /** Whether any master was ever revoked. */
  readonly lostMaster: boolean;
  onRevoked(listener: (node: string) => void): () => void;
}

/**
 * What connects a ledger with the rest of its mesh; `publish` accepts a record here and spreads it (mesh `Replica`).
 */
export interface TokenMesh {
  readonly authors: TokenAuthors;
  readonly publish: (kind: string, text: string) => Promise<void>;
}

/** What a ledger is made of; `signer` is this node's, `revoked` is called with each revocation when it counts. */
interface TokenLedgerOptions {
  readonly meshId: string;
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly signer: Signer;
  readonly revoked: (id: string) => void;
}

/**
 * Records of kind `token` and `token-revocation`, which merge in any order: a revocation only adds, and each is kept
 * until its token has ended. A change is durable before its promise resolves and before it takes effect.
 */
export class TokenLedger {
  /** Until {@link connect} both stores accept only what this node signs. */
  readonly #tokens: KeyedRecords<"token">;
  readonly #revocations: KeyedRecords<"token-revocation">;
  readonly #options: TokenLedgerOptions;
  /** Payloads that this node is about to keep. */
  readonly #own = new Set<string>();
  #mesh: TokenMesh | undefined;

  constructor(options: TokenLedgerOptions) {
    this.#options = options;
    const { meshId, clock } = options;
    const base = {
      meshId,
      prefers: newest,
      keyOf: ({ id }: { readonly id: string }) => id,
      counts: (signer: string) => this.#mesh?.authors.isRevoked(signer) !== true,
      judge: (signed: Signed, payload: Payload<"token" | "token-revocation">) => this.#judge(signed, payload),
      over: ({ expiresAt }: { readonly expiresAt: number }) => expiresAt + graceMs <= clock.now(),
    };
    const token: KindRules<"token"> = {
      ...base,
      kind: "token",
      limit: 2 * issuedLimit,
      // A token that this node would forget is not issued; what others issued and revoked counts whatever the disk
      // takes.
      needsDisk: ({ payload }) => this.#own.has(payload),
    };
    const revocation: KindRules<"token-revocation"> = {
      ...base,
      kind: "token-revocation",
      limit: 2 * issuedLimit,
      // A flood of revocations of tokens that nobody knows must not keep out one that matters.
      admits: ({ id }) => this.#tokens.at(id) !== undefined,
      changed: ({ payload }) => options.revoked(payload.id),
    };
    this.#tokens = new KeyedRecords(token, options);
    this.#revocations = new KeyedRecords(revocation, options);
  }

  /** Both stores, as `RecordStore`s. */
  get stores() {
    return [this.#tokens, this.#revocations] as const;
  }

  /** Reads the ledger. Throws `internal` naming the file when it is damaged. */
  async open(): Promise<void> {
    for (const store of this.stores) await store.open();
  }

  /** From now on accepts the records of other masters, and publishes those of this one. */
  connect(mesh: TokenMesh): void {
    this.#mesh = mesh;
  }

  /** Tokens of the whole mesh that are neither expired nor revoked, oldest first. */
  list(): IssuedToken[] {
    const now = this.#options.clock.now();
    return [...this.#tokens.values()]
      .filter(({ payload: { id, expiresAt } }) => expiresAt > now && !this.isRevoked(id))
      .map(({ payload: { id, role, app, at, expiresAt } }) => {
        return { id, role, ...(app === undefined ? {} : { app }), expiresAt, issuedAt: at };
      })
      .sort((a, b) => a.issuedAt - b.issuedAt);
  }

  isRevoked(id: string): boolean {
    return this.#revocations.at(id) !== undefined;
  }

  /**
   * Whether a token that has the mesh's signature counts. Masters share the key of that signature: once one was
   * revoked, only tokens that the ledger knows are good, since a thief of that master can sign others.
   */
  counts(id: string): boolean {
    return this.#mesh?.authors.lostMaster !== true || this.#tokens.at(id) !== undefined;
  }

  /** Writes down a token and publishes its record. Throws `request.throttled` when too many are alive. */
  async record({ id, role, app, expiresAt, issuedAt }: IssuedToken): Promise<void> {
    if (this.list().length >= issuedLimit) {
      throw new HerdError("request.throttled", `${issuedLimit} tokens are alive: revoke some first`, {
        retryAfterSeconds: 60,
      });
    }
    const limited = app === undefined ? {} : { app };
    await this.#publish({ kind: "token", mesh: this.#options.meshId, id, role, ...limited, at: issuedAt, expiresAt });
  }

  /** Revokes an issued token and publishes that; `false` when it is not known here. Revoking twice is fine. */
  async revoke(id: string): Promise<boolean> {
    const token = this.#tokens.at(id)?.payload;
    if (token === undefined) return false;
    if (this.isRevoked(id)) return true;
    const { meshId: mesh, clock } = this.#options;
    await this.#publish({ kind: "token-revocation", mesh, id, expiresAt: token.expiresAt, at: clock.now() });
    return true;
  }

  /** Records whose signer was revoked: a master that counts signs them again. */
  orphans(): { readonly kind: string; readonly payload: string }[] {
    return this.stores.flatMap((store) =>
      [...store.values()]
        .filter(({ signed }) => this.#mesh?.authors.isRevoked(signed.signer))
        .map(({ signed: { payload } }) => ({ kind: store.kind, payload })),
    );
  }

  async #publish(record: Payload<"token" | "token-revocation">): Promise<void> {
    const payload = payloadText(record);
    const text = encodeSigned(this.#options.signer.sign(payload));
    this.#own.add(payload);
    try {
      if (this.#mesh !== undefined) await this.#mesh.publish(record.kind, text);
      else await (record.kind === "token" ? this.#tokens : this.#revocations).accept(text);
    } finally {
      this.#own.delete(payload);
    }
  }

  #judge(signed: Signed, payload: Payload<"token" | "token-revocation">): "good" | "unknown" {
    const { clock, signer } = this.#options;
    checkTime(payload, clock);
    if (payload.expiresAt > clock.now() + maxTokenSeconds * 1_000 + aheadLimitMs) {
      throw new HerdError("auth.invalid", `the ${payload.kind} record is about a token that lives too long`);
    }
    if (signed.signer === signer.nodeId && this.#own.has(signed.payload)) return "good";
    if (this.#mesh === undefined) return "unknown";
    return this.#mesh.authors.verifyMaster(signed) === "unknown" ? "unknown" : "good";
  }
}
