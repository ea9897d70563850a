// Tokens of the mesh: JSON Web Tokens signed with its Ed25519 key (RFC 7519, RFC 8037), good at every node that has the
// key.

import { createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { JWTPayload } from "jose";
import * as errors from "jose/errors";
import { SignJWT } from "jose/jwt/sign";
import { jwtVerify } from "jose/jwt/verify";
import { isRole, type Role } from "../../api/roles.js";
import { checkAppName } from "../../core/app-name.js";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { randomHex } from "../../core/ids.js";
import type { Signer } from "../../core/signed.js";
import type { StateFiles } from "../../storage/state-files.js";
import type { AuditEvent } from "../registry/audit-record.js";
import { type Claims, claimsOf } from "./claims.js";
import { TokenCache } from "./token-cache.js";
import { maxTokenSeconds, TokenLedger, type TokenMesh } from "./token-ledger.js";

const algorithm = "EdDSA";
const tokenBytes = 4_096;
const idBytes = 8;

/**
 * What to issue. An app limits an invoke or deploy token to that app; `by` names the requester in the audit log, `mesh`
 * when not given.
 */
interface TokenRequest {
  readonly by?: string;
  readonly role: Role;
  readonly app?: string;
  readonly ttlSeconds: number;
}

/** A live token without its text; times are RFC 3339 in UTC. */
interface TokenRecord {
  readonly id: string;
  readonly role: Role;
  readonly app?: string;
  readonly issued: string;
  readonly expires: string;
}

/** A new Ed25519 private key for tokens. */
export async function tokenKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)("ed25519")).privateKey;
}

/** Issues, verifies and revokes the tokens of one mesh. */
export class TokenAuthority {
  readonly #meshId: string;
  readonly #key: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #clock: Clock;
  readonly #ledger: TokenLedger;
  readonly #cache: TokenCache;
  #audit: (event: AuditEvent) => Promise<void> = () => Promise.resolve();

  /**
   * `key` is the mesh's token key: the private one on masters, which issue tokens; the public one elsewhere. `signer`
   * is this node's.
   */
  constructor(options: { meshId: string; key: KeyObject; signer: Signer; files: StateFiles; clock: Clock }) {
    this.#meshId = options.meshId;
    this.#key = options.key;
    this.#publicKey = options.key.type === "private" ? createPublicKey(options.key) : options.key;
    this.#clock = options.clock;
    this.#cache = new TokenCache(options);
    this.#ledger = new TokenLedger({ ...options, revoked: (id) => this.#cache.forget(id) });
  }

  /** Reads which tokens were issued and revoked. */
  async open(): Promise<void> {
    await this.#ledger.open();
  }

  /** The ledger's `RecordStore`s, of kinds `token` and `token-revocation`. */
  get stores(): TokenLedger["stores"] {
    return this.#ledger.stores;
  }

  /**
   * Joins the ledger with those of the mesh: before, tokens and revocations stay on this node. `audit` receives each,
   * and must not reject.
   */
  connect(mesh: TokenMesh & { readonly audit: (event: AuditEvent) => Promise<void> }): void {
    this.#ledger.connect(mesh);
    this.#audit = mesh.audit;
    mesh.authors.onRevoked(() => {
      if (mesh.authors.lostMaster) this.#cache.clear();
    });
  }

  /** What the ledger knows from masters that were revoked, for another master to sign again. */
  orphans(): ReturnType<TokenLedger["orphans"]> {
    return this.#ledger.orphans();
  }

  /**
   * Issues a token once its record is durable. Throws `request.malformed` for a request out of bounds,
   * `node.unavailable` without the key.
   */
  async issue(request: TokenRequest): Promise<TokenRecord & { readonly token: string }> {
    this.#checkMaster("issues");
    const { role, app, ttlSeconds } = checked(request);
    const id = randomHex(idBytes);
    const issuedSeconds = Math.floor(this.#clock.now() / 1_000);
    const expiresSeconds = issuedSeconds + ttlSeconds;
    const scope = app === undefined ? {} : { app };
    const token = await new SignJWT({ role, ...scope })
      .setProtectedHeader({ alg: algorithm, typ: "JWT" })
      .setIssuer(this.#meshId)
      .setJti(id)
      .setIssuedAt(issuedSeconds)
      .setExpirationTime(expiresSeconds)
      .sign(this.#key);
    const claims = { id, role, ...scope, expiresAt: expiresSeconds * 1_000 };
    const issued = { ...claims, issuedAt: issuedSeconds * 1_000 };
    await this.#ledger.record(issued);
    const detail = `${role}${app === undefined ? "" : ` for ${app}`}, ${ttlSeconds} s`;
    await this.#audit({ event: "token.created", by: request.by ?? "mesh", subject: id, detail });
    return { token, ...recordOf(issued) };
  }

  /** The claims of a token that {@link verify} accepted before and that is still good; a few µs. */
  verifyCached(token: string): Claims | undefined {
    return token.length > tokenBytes ? undefined : this.#cache.get(token);
  }

  /** The claims of a token. Throws `auth.missing` for an empty one, and `auth.invalid` saying why. */
  async verify(token: string): Promise<Claims> {
    if (token === "") throw new HerdError("auth.missing", "a token is needed");
    if (token.length > tokenBytes) throw new HerdError("auth.invalid", "the token is too long to be one");
    const claims = this.verifyCached(token) ?? claimsOf(await this.#payload(token));
    if (claims === undefined) throw new HerdError("auth.invalid", "the token is not one of this mesh");
    if (this.#ledger.isRevoked(claims.id)) throw new HerdError("auth.invalid", "the token was revoked");
    if (!this.#ledger.counts(claims.id)) {
      throw new HerdError("auth.invalid", "the token is not among those that the masters of this mesh issued");
    }
    this.#cache.set(token, claims);
    return claims;
  }

  /** Tokens of the mesh that are alive, oldest first. */
  list(): TokenRecord[] {
    return this.#ledger.list().map(recordOf);
  }

  /**
   * Revokes a token for good, durably, at every node; twice is fine. `false` when no token has the id. Throws
   * `node.unavailable` without the key.
   */
  async revoke(id: string, by = "mesh"): Promise<boolean> {
    this.#checkMaster("revokes");
    if (this.#ledger.isRevoked(id)) return true;
    if (!(await this.#ledger.revoke(id))) return false;
    await this.#audit({ event: "token.revoked", by, subject: id, detail: "" });
    return true;
  }

  #checkMaster(does: string): void {
    if (this.#key.type === "private") return;
    throw new HerdError("node.unavailable", `only a master ${does} tokens`, { retryAfterSeconds: 5 });
  }

  async #payload(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, this.#publicKey, {
        algorithms: [algorithm],
        typ: "JWT",
        issuer: this.#meshId,
        currentDate: new Date(this.#clock.now()),
      });
      return payload;
    } catch (error) {
      const expired = error instanceof errors.JWTExpired;
      const detail = expired ? "the token has expired" : "the token is malformed, or of another mesh";
      throw new HerdError("auth.invalid", detail, { cause: error });
    }
  }
}

function checked(request: TokenRequest): TokenRequest {
  const { role, app, ttlSeconds } = request;
  if (!isRole(role)) throw new HerdError("request.malformed", `no token can be issued for the role ${String(role)}`);
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTokenSeconds) {
    throw new HerdError("request.malformed", `a token lives 1 to ${maxTokenSeconds} whole seconds`);
  }
  if (app === undefined) return { role, ttlSeconds };
  if (role === "admin") throw new HerdError("request.malformed", "an admin token cannot be limited to an app");
  return { role, app: checkAppName(app), ttlSeconds };
}

function recordOf(token: Claims & { readonly issuedAt: number }): TokenRecord {
  return {
    id: token.id,
    role: token.role,
    ...(token.app === undefined ? {} : { app: token.app }),
    issued: new Date(token.issuedAt).toISOString(),
    expires: new Date(token.expiresAt).toISOString(),
  };
}
