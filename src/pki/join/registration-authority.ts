// Where nodes ask to join, on a master: throttle, then a token or a person decides, then the node is let in and the log knows.

import { createHash, X509Certificate } from "node:crypto";
import type { Enrolled, JoinBody, WaitingJoin } from "../../api/joins.js";
import type { Clock } from "../../core/clock.js";
import { spanText } from "../../core/clock-skew.js";
import { HerdError } from "../../core/errors.js";
import type { AuditEvent } from "../registry/audit-record.js";
import { type AdmissionOptions, Admissions, type Admitted, type Approval } from "./admission.js";
import { joinCode } from "./code.js";
import { endOfPeer, hostsOfPublic } from "./evidence.js";
import { type JoinView, type PendingJoin, PendingJoins, viewOf } from "./pending.js";
import type { JoinAuthority, JoinRegistry } from "./ports.js";
import { JoinRateLimit, networkOf } from "./rate-limit.js";
import { type JoinRequest, readJoinRequest } from "./request.js";
import { encodeJoinToken } from "./token-text.js";
import { type JoinTokenRecord, type JoinTokenRequest, type JoinTokens, WrongSecret } from "./tokens.js";

const wrongSecretTries = 9;
const pollMs = 1_000;
const dayMs = 86_400_000;
/** Returns of one node: each costs two signatures and a write. */
const returnsEach = { burst: 10, perSecond: 1 / 60 };
const returnsTotal = { burst: 500, perSecond: 10 };

/** What a desk works with. */
export interface RegistrationAuthorityOptions extends AdmissionOptions {
  readonly authority: JoinAuthority;
  readonly registry: JoinRegistry;
  readonly tokens: JoinTokens;
  readonly clock: Clock;
  /** A node that was away may come back so many days after its certificate ended, by its enrolled key alone. */
  readonly returnDays: number;
  /** Adds to the audit log. */
  readonly audit: (event: AuditEvent) => Promise<void>;
  /** Hears of a request that waits for a person from now on; must not throw. */
  readonly onPending?: (join: JoinView) => void;
  /** HTTPS addresses of the masters, this one's first. */
  readonly urls: () => readonly string[];
}

/** Where a request came from: the client's IP address, and the id of the node that it asked. */
export interface JoinOrigin {
  readonly address: string;
  readonly arrivedAt: string;
}

/** An answer: 200 with the enrollment, or 202 while a person decides. */
export type JoinAnswer =
  | { readonly status: 200; readonly body: Enrolled }
  | { readonly status: 202; readonly body: WaitingJoin };

/** A join token with its text, and what the joiner's command line needs. */
export interface IssuedJoinToken extends JoinTokenRecord {
  readonly token: string;
  /** The master's address; absent when it has none. */
  readonly url?: string;
  /** SHA-256 of the root certificate, hex. */
  readonly fingerprint: string;
}

/** Lets nodes into the mesh. Errors are `join.refused` with the reason, `request.throttled`, and `request.malformed`. */
export class RegistrationAuthority {
  readonly #options: RegistrationAuthorityOptions;
  readonly #admissions: Admissions;
  readonly #pending: PendingJoins;
  readonly #requests: JoinRateLimit;
  readonly #polls: JoinRateLimit;
  /** Refusals that are written down: whoever is refused again and again must not fill the log. */
  readonly #refusals: JoinRateLimit;
  #unwritten = 0;
  readonly #returns: JoinRateLimit;
  /** When the newest return of each node was signed, by its clock: an older one, or the same again, is a replay. */
  readonly #returnedAt = new Map<string, number>();

  constructor(options: RegistrationAuthorityOptions) {
    const { authority, clock } = options;
    this.#options = options;
    this.#admissions = new Admissions(options);
    this.#pending = new PendingJoins({ clock, keeper: authority.signer.nodeId });
    const rate = (burst: number, perSecond: number) => ({ burst, perSecond });
    this.#requests = new JoinRateLimit({ clock, each: rate(40, 5), total: rate(200, 20) });
    this.#returns = new JoinRateLimit({ clock, each: returnsEach, total: returnsTotal, detail: "too many returns" });
    this.#polls = new JoinRateLimit({ clock, each: rate(200, 50), total: rate(1_000, 200) });
    this.#refusals = new JoinRateLimit({ clock, each: rate(100, 1 / 10), total: rate(500, 1) });
  }

  /** Issues a join token. Throws `request.malformed` also when it is to make masters and this node has not the root's key open. */
  async createToken(request: JoinTokenRequest): Promise<IssuedJoinToken> {
    const { authority, tokens, urls, audit } = this.#options;
    if (request.master === true) await authority.rootIssuer();
    const { record, secret } = await tokens.create(request);
    const fingerprint = createHash("sha256").update(new X509Certificate(authority.rootCertificate).raw).digest("hex");
    const [url] = urls();
    const token = encodeJoinToken({
      ...{ mesh: authority.meshId, fingerprint, id: record.id, secret, master: authority.signer.nodeId },
      ...{ urls: urls().slice(0, 16), makesMaster: record.master },
    });
    const detail = `join, ${record.uses} ${record.uses === 1 ? "use" : "uses"}${record.node === undefined ? "" : `, for ${record.node}`}${record.master ? ", makes masters" : ""}`;
    await audit({ event: "token.created", by: request.by, subject: record.id, detail });
    return { token, ...record, ...(url === undefined ? {} : { url }), fingerprint };
  }

  /** Join tokens of this master that can still be used, oldest first. */
  tokens(): JoinTokenRecord[] {
    return this.#options.tokens.list();
  }

  /** Revokes a join token of this master, durably; `false` when it is none. */
  async revokeToken(id: string, by: string): Promise<boolean> {
    const { tokens, audit } = this.#options;
    if (!(await tokens.revoke(id))) return false;
    await audit({ event: "token.revoked", by, subject: id, detail: "join" });
    return true;
  }

  /** Answers `POST /v1/join`. */
  async join(body: JoinBody, origin: JoinOrigin): Promise<JoinAnswer> {
    const { authority, registry, clock } = this.#options;
    this.#requests.take(this.#sourceOf(origin));
    const request = readJoinRequest(body, { meshId: authority.meshId, now: clock.now() });
    const known = registry.node(request.nodeId);
    if (known?.revoked)
      throw await this.#refuse(request, origin, new HerdError("join.refused", "the node was revoked"));
    if (request.token !== undefined) return this.#joinWithToken(request, origin);
    if (known !== undefined && request.current !== undefined)
      return this.#return(request, { ...origin, name: known.name });
    return this.#wait(request, origin);
  }

  /** Answers `GET /v1/join/{ticket}`. Throws `path.unknown` for a ticket that is none, or too old. */
  poll(ticket: string, origin: JoinOrigin): JoinAnswer {
    this.#polls.take(this.#sourceOf(origin));
    const pending = this.#pending.ofTicket(ticket);
    if (pending === undefined) {
      this.#polls.penalize(this.#sourceOf(origin), wrongSecretTries);
      throw new HerdError("path.unknown", "no such request to join: it waits an hour, or until the master restarts");
    }
    const { answer } = pending;
    if (answer === undefined) return waiting(pending);
    if ("refused" in answer) throw new HerdError("join.refused", answer.refused);
    return { status: 200, body: answer.approved };
  }

  /** Requests that wait here, oldest first. */
  pending(): JoinView[] {
    return this.#pending.list();
  }

  /** Lets a waiting node in. `hosts` replaces what it asked for. Throws `path.unknown` for an id that does not wait. */
  async approve(
    id: string,
    decision: {
      readonly deploy?: boolean | undefined;
      readonly hosts?: readonly string[] | undefined;
      readonly by: string;
    },
  ): Promise<{ readonly node: string; readonly name: string }> {
    const pending = this.#pending.ofId(id);
    const { request, address, parent } = pending;
    const { deploy = true, hosts = [request.advertise, ...request.hosts], by } = decision;
    const origin = { address, arrivedAt: parent };
    const approval = { approvedBy: `person ${by}`, deploy: deploy && request.deploy, hosts, masterBy: undefined };
    pending.deciding = true;
    try {
      const { name, answer } = await this.#admit(request, approval, origin);
      pending.answer = { approved: answer };
      return { node: request.nodeId, name };
    } finally {
      pending.deciding = false;
    }
  }

  /** Turns a waiting node away. Throws `path.unknown`. */
  async reject(id: string, by: string): Promise<void> {
    const pending = this.#pending.ofId(id);
    pending.answer = { refused: "a person rejected the request" };
    const { nodeId: subject, name } = pending.request;
    await this.#options.audit({ event: "join.refused", by: `person ${by}`, subject, detail: `${name}: rejected` });
  }

  async #joinWithToken(request: JoinRequest, origin: JoinOrigin): Promise<JoinAnswer> {
    const { tokens } = this.#options;
    const { nodeId, name, text: payload, token: credential } = request;
    if (credential === undefined) throw new TypeError("a request without a token");
    const { id, proof } = credential;
    try {
      const use = { id, payload, proof, nodeId, name };
      const hosts = [...tokens.verify(use).hosts, ...this.#hostsBefore(request)];
      // Before it is used up: a request that cannot be granted costs no use.
      this.#admissions.check(request, { hosts, address: this.#vouchedAddress(origin) });
      const token = await tokens.use(use);
      const masterBy = token.master ? tokens.hashOf(token) : undefined;
      const approval = { approvedBy: `token ${id}`, deploy: token.deploy && request.deploy, hosts, masterBy };
      // One that has no certificate yet repeats a join whose answer was lost.
      const isKnown = request.current !== undefined && this.#options.registry.node(nodeId) !== undefined;
      const { answer } = await this.#admit(request, approval, {
        ...origin,
        event: isKnown ? "node.returned" : "join.approved",
      });
      return { status: 200, body: answer };
    } catch (error) {
      if (error instanceof WrongSecret) this.#requests.penalize(this.#sourceOf(origin), wrongSecretTries);
      throw await this.#refuse(request, origin, error);
    }
  }

  /**
   * A known node whose certificate ended while it was away. Its signature proves who it is, and its old certificate
   * since when.
   */
  async #return(request: JoinRequest, origin: JoinOrigin & { name: string }): Promise<JoinAnswer> {
    const { authority, clock, returnDays, audit } = this.#options;
    const { nodeId } = request;
    const context = {
      rootCertificate: authority.rootCertificate,
      meshId: authority.meshId,
      nodeId,
      name: origin.name,
    };
    try {
      const { peer = "", public: open } = request.current ?? {};
      const overMs = clock.now() - endOfPeer(peer, context);
      if (overMs > returnDays * dayMs) {
        const detail = `the node's certificate ended ${spanText(overMs)} ago, and the mesh lets nodes return by themselves for ${spanText(returnDays * dayMs)}: it needs a join token (herd token create --role join, then herd up --join URL --token TOKEN with the state that it has)`;
        throw new HerdError("join.refused", detail);
      }
      this.#returns.take(nodeId);
      if (request.at <= (this.#returnedAt.get(nodeId) ?? Number.NEGATIVE_INFINITY)) {
        throw new HerdError("join.refused", "the request was used before: a node that returns signs a new one");
      }
      this.#returnedAt.set(nodeId, request.at);
      const approval = { approvedBy: "", deploy: false, masterBy: undefined, parent: origin.arrivedAt };
      const hosts = hostsOfPublic(open, context);
      const address = this.#vouchedAddress(origin);
      this.#admissions.check(request, { hosts, address });
      const { answer } = await this.#admissions.admit(request, { ...approval, hosts, address });
      if (overMs > 0) {
        const detail = `${origin.name} from ${origin.address}: its certificate had ended ${spanText(overMs)} ago`;
        await audit({ event: "node.returned", by: "mesh", subject: nodeId, detail });
      }
      return { status: 200, body: answer };
    } catch (error) {
      throw await this.#refuse(request, origin, error, "renewal.refused");
    }
  }

  async #wait(request: JoinRequest, origin: JoinOrigin): Promise<JoinAnswer> {
    const { address, arrivedAt: parent } = origin;
    // What no person could approve need not wait for one.
    this.#admissions.check(request, {
      hosts: [request.advertise, ...request.hosts],
      address: this.#vouchedAddress(origin),
    });
    const code = joinCode({ ...request, rootCertificate: this.#options.authority.rootCertificate });
    const pending = this.#pending.add(request, { code, address, parent, source: this.#sourceOf(origin) });
    this.#options.onPending?.(viewOf(pending));
    return waiting(pending);
  }

  async #admit(
    request: JoinRequest,
    approval: Omit<Approval, "address" | "parent">,
    origin: JoinOrigin & { readonly event?: "join.approved" | "node.returned" },
  ): Promise<Admitted> {
    const where = { address: this.#vouchedAddress(origin), parent: origin.arrivedAt };
    const admitted = await this.#admissions.admit(request, { ...approval, ...where });
    const detail = `${admitted.name} from ${origin.address}${approval.deploy ? "" : ", may not deploy"}`;
    const { event = "join.approved" } = origin;
    await this.#options.audit({ event, by: approval.approvedBy, subject: request.nodeId, detail });
    return admitted;
  }

  /** Hosts that a node which is in already was vouched for before. */
  #hostsBefore({ nodeId, current }: JoinRequest): string[] {
    const { authority, registry } = this.#options;
    const name = registry.node(nodeId)?.name;
    return name === undefined
      ? []
      : hostsOfPublic(current?.public, { rootCertificate: authority.rootCertificate, name });
  }

  /** A public leaf may name the address that this master, or another one, saw; any other node could name whose it likes. */
  #vouchedAddress({ address, arrivedAt }: JoinOrigin): string {
    const { authority, registry } = this.#options;
    const relay = arrivedAt === authority.signer.nodeId ? undefined : registry.node(arrivedAt);
    const vouched = arrivedAt === authority.signer.nodeId || (relay?.master === true && !relay.revoked);
    return vouched ? address : "";
  }

  /** Whose tries count together: all that a node which is no master passes on, since it could name any address. */
  #sourceOf(origin: JoinOrigin): string {
    const address = this.#vouchedAddress(origin);
    return address === "" ? origin.arrivedAt : networkOf(address);
  }

  /** Writes a refusal down, unless there were too many; the error to throw. */
  async #refuse(
    request: JoinRequest,
    origin: JoinOrigin,
    error: unknown,
    event: "join.refused" | "renewal.refused" = "join.refused",
  ): Promise<unknown> {
    if (!(error instanceof HerdError) || error.code !== "join.refused") return error;
    try {
      this.#refusals.take(this.#sourceOf(origin));
    } catch {
      this.#unwritten++;
      return error;
    }
    const more = this.#unwritten === 0 ? "" : `${this.#unwritten} more before; `;
    this.#unwritten = 0;
    const by = request.token === undefined ? "mesh" : `token ${request.token.id}`;
    const detail = `${more}${request.name} from ${origin.address}: ${error.message}`.slice(0, 512);
    await this.#options.audit({ event, by, subject: request.nodeId, detail });
    return error;
  }
}

function waiting({ ticket, code }: PendingJoin): JoinAnswer {
  return { status: 202, body: { id: ticket, code, retryAfterMs: pollMs } };
}
