// The joining side: finds a node of the mesh, makes sure that it is the right mesh, sends a request, and waits for the
// answer.

import { setTimeout as sleep } from "node:timers/promises";
import { backoffMs } from "../../core/backoff.js";
import type { Clock } from "../../core/clock.js";
import { skewText } from "../../core/clock-skew.js";
import { type ErrorCode, errorTable } from "../../core/error-codes.js";
import { HerdError } from "../../core/errors.js";
import { randomBase64url } from "../../core/ids.js";
import { aheadLimitMs } from "../../core/signed.js";
import { UsageError } from "../../core/usage-error.js";
import type { Enrollment, EnrollmentRequest } from "../identity/enrollment.js";
import { JoinRefused } from "../join-refused.js";
import { answerLimitBytes, readAnswer } from "./answer.js";
import { joinCode } from "./code.js";
import { type Fetched, type FetchedRoot, fetchJson, fetchRoot, NotReached } from "./fetch.js";
import { isLoopbackHost } from "./hosts.js";
import { proofOf, secretHash } from "./proof.js";
import { joinBody } from "./request.js";
import { decodeJoinToken, type JoinTokenText } from "./token-text.js";

const nonceBytes = 18;
const longestWaitMs = 30_000;
const shortestWaitMs = 100;
const hostLimit = 16;

/** How to join. */
export interface JoinOptions {
  /** Addresses of nodes of the mesh, tried in turn; those of the token follow. */
  readonly urls: readonly string[];
  /** The join token's text; without one a person decides. */
  readonly token?: string | undefined;
  readonly advertise: string;
  /** Whether the node wants the deploy mark. */
  readonly deploy: boolean;
  /** Receives each step, in words for the person who waits at the terminal. */
  readonly report: (text: string) => void;
  readonly clock: Clock;
  /** Ends the wait, also that for a person. */
  readonly signal: AbortSignal;
}

/** The request of a node, once it knows the root. */
interface SentRequest {
  readonly root: FetchedRoot;
  readonly body: string;
  readonly nonce: string;
  readonly code: string;
  readonly hash: Buffer | undefined;
}

/**
 * Joins. Throws `join.refused` with the mesh's reason, or when the root is not the token's, whose secret is then not
 * used; `node.unavailable` when no node answers; and UsageError without an address.
 */
export async function joinMesh(request: EnrollmentRequest, options: JoinOptions): Promise<Enrollment> {
  const token = options.token === undefined ? undefined : decodeJoinToken(options.token);
  const urls = [...new Set([...options.urls, ...(token?.urls ?? [])].map((url) => new URL(url).origin))];
  if (urls.length === 0) throw new UsageError("joining needs the address of a node: say --join URL");
  return new Joining(request, { ...options, token, urls }).run();
}

type JoiningOptions = Omit<JoinOptions, "token"> & { readonly token: JoinTokenText | undefined };

/** The address serves another root than the expected one. */
class WrongRoot extends JoinRefused {}

/** The clock of the node there is so far from ours that the node would refuse what we sign. */
class WrongClock extends JoinRefused {}

class Joining {
  readonly #request: EnrollmentRequest;
  readonly #options: JoiningOptions;
  /** What went wrong, by address. */
  readonly #failures = new Map<string, Error>();

  constructor(request: EnrollmentRequest, options: JoiningOptions) {
    this.#request = request;
    this.#options = options;
  }

  async run(): Promise<Enrollment> {
    for (const url of this.#options.urls) {
      try {
        const root = await this.#findRoot(url);
        return await this.#requestUntilAnswered(url, root);
      } catch (error) {
        this.#noteOrThrow(url, error);
      }
    }
    const failures = [...this.#failures.values()];
    const wrongRoot = failures.find((failure) => failure instanceof WrongRoot);
    const wrongClock = failures.find((failure) => failure instanceof WrongClock);
    if (wrongClock !== undefined) throw wrongClock;
    if (wrongRoot !== undefined && !this.#isMember) throw wrongRoot;
    const tried = failures.map(({ message }) => message).join("; ");
    const moved = this.#isMember
      ? ": if the masters moved, start with --join URL, the address of any node of the mesh"
      : "";
    throw new HerdError("node.unavailable", `no node of the mesh let us ask (${tried})${moved}`, {
      retryAfterSeconds: 5,
    });
  }

  /** Whether the node is in the mesh already, and sends to addresses that it remembers. */
  get #isMember(): boolean {
    return this.#request.rootCertificate !== undefined;
  }

  /** The root that this address serves, if it is the expected one. Before this check, nothing of ours has left. */
  async #findRoot(url: string): Promise<FetchedRoot> {
    const { token, signal } = this.#options;
    const { rootCertificate } = this.#request;
    const root = await fetchRoot(url, signal);
    if (Math.abs(root.skewMs) > aheadLimitMs) {
      throw new WrongClock(`${skewText(root.skewMs, url)}: set it first`);
    }
    if (token !== undefined && root.fingerprint !== token.fingerprint) {
      const detail =
        `the root at ${url} has the fingerprint ${root.fingerprint}, the token says ${token.fingerprint}: ` +
        "this is another mesh, or somebody stands between";
      throw new WrongRoot(detail);
    }
    if (rootCertificate !== undefined && root.certificate.trim() !== rootCertificate.trim()) {
      throw new WrongRoot(`the root at ${url} is not that of this node's mesh`);
    }
    return root;
  }

  async #requestUntilAnswered(url: string, root: FetchedRoot): Promise<Enrollment> {
    for (;;) {
      const sent = await this.#prepare(root);
      const answer = await this.#send(new URL("/v1/join", url), { sent, body: sent.body });
      const enrollment =
        answer.status === 200 ? this.#read(answer, sent) : await this.#waitForPerson(url, { sent, answer });
      if (enrollment !== undefined) return enrollment;
      this.#options.report("the mesh forgot the request; asking again");
    }
  }

  /** The signed request; with a new nonce each time. */
  async #prepare(root: FetchedRoot): Promise<SentRequest> {
    const { token, advertise, deploy, clock } = this.#options;
    const { key, csr, publicCsr, name, current } = this.#request;
    const nonce = randomBase64url(nonceBytes);
    const masterCsr = token?.makesMaster ? await this.#request.masterCsr() : undefined;
    const hosts = this.#request.hosts.filter((host) => !isLoopbackHost(host)).slice(0, hostLimit);
    const payload = JSON.stringify({
      kind: "join",
      mesh: root.meshId,
      name,
      key,
      csr,
      publicCsr,
      masterCsr,
      hosts,
      advertise,
      deploy,
      current,
      nonce,
      at: clock.now(),
    });
    const hash = token && secretHash(token.secret);
    const proof = token && hash && { id: token.id, keeper: token.master, proof: proofOf(hash, payload) };
    const code = joinCode({ rootCertificate: root.certificate, key, csr, publicCsr, nonce });
    return { root, body: JSON.stringify(joinBody(this.#request.sign(payload), proof)), nonce, code, hash };
  }

  /** The enrollment once a person approved; `undefined` when the master has forgotten the request. */
  async #waitForPerson(
    url: string,
    { sent, answer }: { sent: SentRequest; answer: Fetched },
  ): Promise<Enrollment | undefined> {
    const { report } = this.#options;
    const ticket = ticketOf(answer.json);
    if (answer.status !== 202 || ticket === undefined) throw new NotReached(`${url} answers what is no join's answer`);
    report(`waiting for somebody to approve this node. Code: ${sent.code}`);
    report("on a node of the mesh: herd join list shows the same code; then herd join approve ID");
    const poll = new URL(`/v1/join/${ticket.id}`, url);
    let { retryAfterMs: firstMs } = ticket;
    for (let failures = 0; ; ) {
      await this.#sleep(backoffMs(failures + 1, { firstMs, lastMs: longestWaitMs }));
      try {
        const polled = await this.#send(poll, { sent });
        if (polled.status === 404) return undefined;
        if (polled.status === 200) return this.#read(polled, sent);
        firstMs = ticketOf(polled.json)?.retryAfterMs ?? ticket.retryAfterMs;
        failures = 0;
      } catch (error) {
        if (!(error instanceof NotReached)) throw error;
        // The person may still decide while the network or the node is away.
        failures++;
      }
    }
  }

  /**
   * One request, again when it is throttled. Throws what the mesh refused, and {@link NotReached} for what another node
   * may do.
   */
  async #send(url: URL, { sent, body }: { sent: SentRequest; body?: string }): Promise<Fetched> {
    const { signal, report } = this.#options;
    const options = { ca: sent.root.certificate, limitBytes: answerLimitBytes, signal };
    for (;;) {
      const answer = await fetchJson(url, { ...options, ...(body === undefined ? {} : { body }) });
      if (answer.status < 400 || (body === undefined && answer.status === 404)) return answer;
      const problem = problemOf(answer);
      if (answer.status >= 500) throw new NotReached(problem.message, { cause: problem });
      if (answer.status !== 429) throw problem;
      report(`${problem.message}; waiting`);
      await this.#sleep(answer.retryAfterMs ?? 1_000);
    }
  }

  #read(answer: Fetched, { root, nonce, hash }: SentRequest): Enrollment {
    return readAnswer(answer.json, { rootCertificate: root.certificate, nodeId: this.#request.nodeId, nonce, hash });
  }

  /**
   * Another address may do better, unless the mesh has spoken, or the first address, which a person named, has the
   * wrong root.
   */
  #noteOrThrow(url: string, error: unknown): void {
    const { report, signal } = this.#options;
    signal.throwIfAborted();
    // Remembered addresses may be another's by now; the one that a person named should be right.
    const mayBeElsewhere = this.#isMember || this.#failures.size > 0;
    const skip =
      error instanceof NotReached || error instanceof WrongClock || (error instanceof WrongRoot && mayBeElsewhere);
    if (!skip) throw error;
    this.#failures.set(url, error);
    report(error.message);
  }

  #sleep(ms: number): Promise<void> {
    return sleep(Math.max(shortestWaitMs, Math.min(longestWaitMs, ms)), undefined, { signal: this.#options.signal });
  }
}

function ticketOf(json: unknown): { id: string; retryAfterMs: number } | undefined {
  const { id, retryAfterMs } = (json ?? {}) as Record<string, unknown>;
  if (typeof id !== "string" || !/^[A-Za-z0-9_-]{1,128}$/.test(id)) return undefined;
  return { id, retryAfterMs: typeof retryAfterMs === "number" && retryAfterMs > 0 ? retryAfterMs : 1_000 };
}

/** The error of a problem document; its text is cut, since nobody has vouched for it. */
function problemOf({ status, json, retryAfterMs }: Fetched): HerdError {
  const { code, detail } = (json ?? {}) as Record<string, unknown>;
  const known = typeof code === "string" && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : "join.refused";
  const text = typeof detail === "string" ? detail.slice(0, 1_024) : `the node answered with status ${status}`;
  const extras = retryAfterMs === undefined ? {} : { retryAfterSeconds: retryAfterMs / 1_000 };
  return known === "join.refused" ? new JoinRefused(text, extras) : new HerdError(known, text, extras);
}
