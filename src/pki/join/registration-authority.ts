// The registration authority (RFC 5280, section 3) of a master: a token, a person or an old certificate lets a node in.

import type { Enrolled, JoinBody, PendingJoin, WaitingJoin } from "../../api/joins.js";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { JoinRefused } from "../join-refused.js";
import type { AuditEvent } from "../registry/audit-record.js";
import { type AdmissionOptions, Admissions, type Admitted, type Approval } from "./admission.js";
import { joinCode } from "./code.js";
import { hostsOfPublic } from "./evidence.js";
import { type JoinOrigin, JoinOrigins } from "./origin.js";
import { PendingJoins, viewOf, type WaitingRequest } from "./pending.js";
import type { JoinAuthority, JoinRegistry } from "./ports.js";
import { JoinRateLimit } from "./rate-limit.js";
import { ReEnrollmentAuthority } from "./re-enrollment-authority.js";
import { JoinRefusals } from "./refusals.js";
import { type JoinRequest, readJoinRequest } from "./request.js";
import { type JoinTokens, WrongSecret } from "./tokens.js";

const wrongSecretTries = 9;
const pollMs = 1_000;

/** What a registration authority works with. */
export interface RegistrationAuthorityOptions extends AdmissionOptions {
  readonly authority: JoinAuthority;
  readonly registry: JoinRegistry;
  readonly tokens: JoinTokens;
  readonly clock: Clock;
  /** See {@link ReEnrollmentAuthority}. */
  readonly returnDays: number;
  /** Adds to the audit log. */
  readonly audit: (event: AuditEvent) => Promise<void>;
  /** Hears of a request that waits for a person from now on; must not throw. */
  readonly onPending?: (join: PendingJoin) => void;
}

/** An answer: 200 with the enrollment, or 202 while a person decides. */
type JoinAnswer =
  | { readonly status: 200; readonly body: Enrolled }
  | { readonly status: 202; readonly body: WaitingJoin };

/**
 * Lets nodes into the mesh. Errors are `join.refused` with the reason, `request.throttled`, and `request.malformed`.
 */
export class RegistrationAuthority {
  readonly #options: RegistrationAuthorityOptions;
  readonly #admissions: Admissions;
  readonly #pending: PendingJoins;
  readonly #requests: JoinRateLimit;
  readonly #polls: JoinRateLimit;
  readonly #origins: JoinOrigins;
  readonly #refusals: JoinRefusals;
  readonly #reEnrollments: ReEnrollmentAuthority;

  constructor(options: RegistrationAuthorityOptions) {
    const { authority, clock } = options;
    this.#options = options;
    this.#admissions = new Admissions(options);
    this.#pending = new PendingJoins({ clock, keeper: authority.signer.nodeId });
    const rate = (burst: number, perSecond: number) => ({ burst, perSecond });
    this.#requests = new JoinRateLimit({ clock, each: rate(40, 5), total: rate(200, 20) });
    this.#polls = new JoinRateLimit({ clock, each: rate(200, 50), total: rate(1_000, 200) });
    const origins = new JoinOrigins(options);
    this.#origins = origins;
    this.#refusals = new JoinRefusals({ ...options, origins });
    this.#reEnrollments = new ReEnrollmentAuthority({ ...options, origins, admissions: this.#admissions });
  }

  /** Answers `POST /v1/join`. */
  async join(body: JoinBody, origin: JoinOrigin): Promise<JoinAnswer> {
    const { authority, registry, clock } = this.#options;
    this.#requests.take(this.#origins.sourceOf(origin));
    const request = readJoinRequest(body, { meshId: authority.meshId, now: clock.now() });
    const known = registry.node(request.nodeId);
    if (known?.revoked) {
      const error = new JoinRefused("the node was revoked");
      throw await this.#refusals.record(error, { request, origin });
    }
    if (request.token !== undefined) return this.#joinWithToken(request, origin);
    if (known !== undefined && request.current !== undefined) {
      return this.#reEnroll(request, { name: known.name, origin });
    }
    return this.#wait(request, origin);
  }

  /** Answers `GET /v1/join/{ticket}`. Throws `join.unknown` for a ticket that is none, or too old. */
  poll(ticket: string, origin: JoinOrigin): JoinAnswer {
    this.#polls.take(this.#origins.sourceOf(origin));
    const pending = this.#pending.ofTicket(ticket);
    if (pending === undefined) {
      this.#polls.penalize(this.#origins.sourceOf(origin), wrongSecretTries);
      throw new HerdError("join.unknown", "no such request to join: it waits an hour, or until the master restarts");
    }
    const { answer } = pending;
    if (answer === undefined) return waiting(pending);
    if ("refused" in answer) throw new JoinRefused(answer.refused);
    return { status: 200, body: answer.approved };
  }

  /** Requests that wait here, oldest first. */
  pending(): PendingJoin[] {
    return this.#pending.list();
  }

  /** Lets a waiting node in. `hosts` replaces what it asked for. Throws `join.unknown` for an id that does not wait. */
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

  /** Turns a waiting node away. Throws `join.unknown`. */
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
      this.#admissions.check(request, { hosts, address: this.#origins.vouchedAddress(origin) });
      const token = await tokens.use(use);
      const masterBy = token.master ? tokens.hashOf(token) : undefined;
      const approval = { approvedBy: `token ${id}`, deploy: token.deploy && request.deploy, hosts, masterBy };
      // A known node without a certificate repeats a join whose answer was lost.
      const isKnown = request.current !== undefined && this.#options.registry.node(nodeId) !== undefined;
      const { answer } = await this.#admit(request, approval, {
        ...origin,
        event: isKnown ? "node.returned" : "join.approved",
      });
      return { status: 200, body: answer };
    } catch (error) {
      if (error instanceof WrongSecret) this.#requests.penalize(this.#origins.sourceOf(origin), wrongSecretTries);
      throw await this.#refusals.record(error, { request, origin });
    }
  }

  async #reEnroll(
    request: JoinRequest,
    { name, origin }: { readonly name: string; readonly origin: JoinOrigin },
  ): Promise<JoinAnswer> {
    try {
      const { answer } = await this.#reEnrollments.admit(request, { name, origin });
      return { status: 200, body: answer };
    } catch (error) {
      throw await this.#refusals.record(error, { request, origin, event: "renewal.refused" });
    }
  }

  async #wait(request: JoinRequest, origin: JoinOrigin): Promise<JoinAnswer> {
    const { address, arrivedAt: parent } = origin;
    // What no person could approve need not wait for one.
    this.#admissions.check(request, {
      hosts: [request.advertise, ...request.hosts],
      address: this.#origins.vouchedAddress(origin),
    });
    const { rootCertificate } = this.#options.authority;
    const { key, csr, publicCsr, nonce } = request;
    const code = joinCode({ rootCertificate, key, csr: csr.pem, publicCsr: publicCsr.pem, nonce });
    const pending = this.#pending.add(request, { code, address, parent, source: this.#origins.sourceOf(origin) });
    this.#options.onPending?.(viewOf(pending));
    return waiting(pending);
  }

  async #admit(
    request: JoinRequest,
    approval: Omit<Approval, "address" | "parent">,
    origin: JoinOrigin & { readonly event?: "join.approved" | "node.returned" },
  ): Promise<Admitted> {
    const where = { address: this.#origins.vouchedAddress(origin), parent: origin.arrivedAt };
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
}

function waiting({ ticket, code }: WaitingRequest): JoinAnswer {
  return { status: 202, body: { id: ticket, code, retryAfterMs: pollMs } };
}
