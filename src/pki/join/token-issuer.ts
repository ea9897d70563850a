// The join tokens of a master as people use them: issued with their text, listed and revoked, each with an audit
// record.

import { createHash, X509Certificate } from "node:crypto";
import type { AuditEvent } from "../registry/audit-record.js";
import type { JoinAuthority } from "./ports.js";
import { encodeJoinToken } from "./token-text.js";
import type { JoinTokenRecord, JoinTokenRequest, JoinTokens } from "./tokens.js";

const urlLimit = 16;

/** What tokens are issued with. */
interface JoinTokenIssuerOptions {
  readonly authority: JoinAuthority;
  readonly tokens: JoinTokens;
  /** HTTPS addresses of the masters, this one's first. */
  readonly urls: () => readonly string[];
  /** Adds to the audit log. */
  readonly audit: (event: AuditEvent) => Promise<void>;
}

/** A join token with its text, and what the joiner's command line needs. */
export interface IssuedJoinToken extends JoinTokenRecord {
  readonly token: string;
  /** The master's address; absent when it has none. */
  readonly url?: string;
  /** SHA-256 of the root certificate, hex. */
  readonly fingerprint: string;
}

/** Issues the join tokens of one master. */
export class JoinTokenIssuer {
  readonly #options: JoinTokenIssuerOptions;

  constructor(options: JoinTokenIssuerOptions) {
    this.#options = options;
  }

  /**
   * Issues a token. Throws `request.malformed` for a wrong lifetime or number of uses, `request.throttled` when
   * too many are alive, and for a token that makes masters `node.unavailable` without the root's key on this node, and
   * `state.conflict` without its passphrase.
   */
  async create(request: JoinTokenRequest): Promise<IssuedJoinToken> {
    const { authority, tokens, urls, audit } = this.#options;
    if (request.master === true) await authority.rootIssuer();
    const { record, secret } = await tokens.create(request);
    const fingerprint = createHash("sha256").update(new X509Certificate(authority.rootCertificate).raw).digest("hex");
    const [url] = urls();
    const token = encodeJoinToken({
      mesh: authority.meshId,
      fingerprint,
      id: record.id,
      secret,
      master: authority.signer.nodeId,
      urls: urls().slice(0, urlLimit),
      makesMaster: record.master,
    });
    await audit({ event: "token.created", by: request.by, subject: record.id, detail: describe(record) });
    return { token, ...record, ...(url === undefined ? {} : { url }), fingerprint };
  }

  /** Tokens that can still be used, oldest first. */
  list(): JoinTokenRecord[] {
    return this.#options.tokens.list();
  }

  /** Revokes a token of this master, durably; `false` when it is none. */
  async revoke(id: string, by: string): Promise<boolean> {
    const { tokens, audit } = this.#options;
    if (!(await tokens.revoke(id))) return false;
    await audit({ event: "token.revoked", by, subject: id, detail: "join" });
    return true;
  }
}

function describe({ uses, node, master }: JoinTokenRecord): string {
  const forNode = node === undefined ? "" : `, for ${node}`;
  return `join, ${uses} ${uses === 1 ? "use" : "uses"}${forNode}${master ? ", makes masters" : ""}`;
}
