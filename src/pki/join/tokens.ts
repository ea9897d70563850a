// The join tokens that this master issued: what each allows and the nodes that used it. Never the secrets themselves.

import * as z from "zod";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { randomBase64url, randomHex } from "../../core/ids.js";
import { tryParseJson } from "../../core/json.js";
import { SerialQueue } from "../../core/serial-queue.js";
import { keepIn, type StateFiles } from "../../storage/state-files.js";
import { JoinRefused } from "../join-refused.js";
import * as field from "../registry/record-fields.js";
import { isProof, secretHash } from "./proof.js";

const fileName = "join-tokens";
const idBytes = 8;
const secretBytes = 24;
const liveLimit = 1_000;
const usesLimit = 10_000;
const defaultSeconds = 300;
const maxSeconds = 366 * 86_400;
/** Entries outlive their tokens by this, ms, so that a late joiner gets the reason. */
const graceMs = 86_400_000;

const entryShape = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** SHA-256 of the secret, hex. */
  hash: field.sha256,
  /** The name of the only node that may use it. */
  node: z.string().optional(),
  master: z.boolean(),
  deploy: z.boolean(),
  hosts: z.array(z.string()),
  uses: z.number(),
  /** Ids of the nodes that used it. */
  usedBy: z.array(z.string()),
  issuedAt: z.number(),
  expiresAt: z.number(),
  by: z.string(),
  revoked: z.boolean(),
});
const fileShape = z.strictObject({ version: z.literal(1), tokens: z.array(entryShape) });

/** A join token as its master keeps it; times in epoch ms. */
type JoinToken = Readonly<z.infer<typeof entryShape>>;

/**
 * What to issue: defaults are one use, five minutes, any name, the deploy mark, no master. `by` is the id of the admin
 * token of the request.
 */
export interface JoinTokenRequest {
  readonly ttlSeconds?: number | undefined;
  readonly uses?: number | undefined;
  readonly node?: string | undefined;
  readonly master?: boolean | undefined;
  readonly deploy?: boolean | undefined;
  readonly hosts?: readonly string[] | undefined;
  readonly by: string;
}

/** A live join token as lists show it; times are RFC 3339 in UTC. */
export interface JoinTokenRecord {
  readonly id: string;
  readonly role: "join";
  readonly node?: string;
  readonly master: boolean;
  readonly deploy: boolean;
  readonly uses: number;
  readonly usesLeft: number;
  readonly issued: string;
  readonly expires: string;
}

/** The use of a token: the signed payload, its proof, and the node's id and wanted name. */
interface TokenUse {
  readonly id: string;
  readonly payload: string;
  readonly proof: string;
  readonly nodeId: string;
  readonly name: string;
}

/** Thrown for a proof that does not fit: somebody guesses. */
export class WrongSecret extends JoinRefused {}

/** The tokens of one master in one state file. A change is durable before its promise resolves. */
export class JoinTokens {
  readonly #files: StateFiles;
  readonly #clock: Clock;
  readonly #changes = new SerialQueue();
  #tokens: ReadonlyMap<string, JoinToken> = new Map();

  constructor(options: { files: StateFiles; clock: Clock }) {
    this.#files = options.files;
    this.#clock = options.clock;
  }

  /** Reads the tokens. Throws `internal` naming the file when it is damaged. */
  async open(): Promise<void> {
    const bytes = await this.#files.read(fileName);
    if (bytes === undefined) return;
    const parsed = fileShape.safeParse(tryParseJson(bytes));
    if (!parsed.success) throw new HerdError("internal", `${this.#files.describe(fileName)} is damaged`);
    this.#tokens = new Map(parsed.data.tokens.map((token) => [token.id, token]));
  }

  /** Issues a token; its secret exists in the result alone. Throws `request.malformed` and `request.throttled`. */
  async create(request: JoinTokenRequest): Promise<{ readonly record: JoinTokenRecord; readonly secret: string }> {
    const { ttlSeconds = defaultSeconds, uses = 1, node, master = false, deploy = true, hosts = [], by } = request;
    if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxSeconds) {
      throw new HerdError("request.malformed", `a join token lives 1 to ${maxSeconds} whole seconds`);
    }
    if (!Number.isSafeInteger(uses) || uses < 1 || uses > usesLimit) {
      throw new HerdError("request.malformed", `a join token has 1 to ${usesLimit} uses`);
    }
    const secret = randomBase64url(secretBytes);
    const issuedAt = this.#clock.now();
    const token: JoinToken = {
      id: randomHex(idBytes),
      hash: secretHash(secret).toString("hex"),
      ...(node === undefined ? {} : { node }),
      master,
      deploy,
      uses,
      hosts: [...hosts],
      usedBy: [],
      issuedAt,
      by,
      revoked: false,
      expiresAt: issuedAt + ttlSeconds * 1_000,
    };
    await this.#changes.run(async () => {
      if (this.#live().length >= liveLimit) {
        const detail = `${liveLimit} join tokens are alive: revoke some first`;
        throw new HerdError("request.throttled", detail, { retryAfterSeconds: 60 });
      }
      await this.#save([...this.#tokens.values(), token]);
    });
    return { record: recordOf(token), secret };
  }

  /**
   * Uses up one use, durably; of many at once only as many as there are uses get through. A node that used the token
   * before gets it again, for its answer may have been lost. Throws `join.refused` with the reason, {@link WrongSecret}
   * for a proof that does not fit.
   */
  async use(use: TokenUse): Promise<JoinToken> {
    return this.#changes.run(async () => {
      const token = this.verify(use);
      if (token.usedBy.includes(use.nodeId)) return token;
      const used = { ...token, usedBy: [...token.usedBy, use.nodeId] };
      await this.#save([...this.#tokens.values()].map((other) => (other.id === token.id ? used : other)));
      return used;
    });
  }

  /** The token, if this use of it would be granted now. Throws as {@link use}; uses nothing up. */
  verify({ id, payload, proof, nodeId, name }: TokenUse): JoinToken {
    const token = this.#tokens.get(id);
    if (token === undefined) throw new WrongSecret("this mesh knows no such join token");
    // First of all: without the secret nothing is learned about the token.
    if (!isProof(proof, { hash: this.hashOf(token), payload })) {
      throw new WrongSecret("the join token's secret is wrong");
    }
    if (token.revoked) throw refused("the join token was revoked");
    if (token.expiresAt <= this.#clock.now())
      throw refused("the join token has expired: herd token create makes a new one");
    if (token.node !== undefined && token.node !== name) {
      throw refused(`the join token is for a node named ${token.node}: start this one with --name ${token.node}`);
    }
    if (token.usedBy.length >= token.uses && !token.usedBy.includes(nodeId))
      throw refused("the join token was used up");
    return token;
  }

  /** SHA-256 of a token's secret. */
  hashOf(token: JoinToken): Buffer {
    return Buffer.from(token.hash, "hex");
  }

  /** Tokens that can still be used, oldest first. */
  list(): JoinTokenRecord[] {
    return this.#live().map(recordOf);
  }

  /** Revokes a token, also while the disk takes nothing; `false` when it is none of this master's. */
  async revoke(id: string): Promise<boolean> {
    return this.#changes.run(async () => {
      if (!this.#tokens.has(id)) return false;
      await this.#save(
        [...this.#tokens.values()].map((token) => (token.id === id ? { ...token, revoked: true } : token)),
        { keep: true },
      );
      return true;
    });
  }

  #live(): JoinToken[] {
    const now = this.#clock.now();
    return [...this.#tokens.values()].filter(
      (token) => token.expiresAt > now && !token.revoked && token.usedBy.length < token.uses,
    );
  }

  async #save(tokens: readonly JoinToken[], { keep = false } = {}): Promise<void> {
    const from = this.#clock.now() - graceMs;
    const kept = tokens.filter(({ expiresAt }) => expiresAt > from);
    const content = JSON.stringify({ version: 1, tokens: kept });
    if (keep) await keepIn(this.#files, { name: fileName, content });
    else await this.#files.write(fileName, content);
    this.#tokens = new Map(kept.map((token) => [token.id, token]));
  }
}

function refused(detail: string): HerdError {
  return new JoinRefused(detail);
}

function recordOf(token: JoinToken): JoinTokenRecord {
  const { id, node, master, deploy, uses, usedBy, issuedAt, expiresAt } = token;
  return {
    id,
    role: "join",
    ...(node === undefined ? {} : { node }),
    master,
    deploy,
    uses,
    usesLeft: uses - usedBy.length,
    issued: new Date(issuedAt).toISOString(),
    expires: new Date(expiresAt).toISOString(),
  };
}
