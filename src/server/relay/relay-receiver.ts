// The receiving end of a relay: this node's endpoints answer the client of a peer. A relayed request is not relayed
// again.

import { isIP } from "node:net";
import * as z from "zod";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { FairSlots } from "../../core/fair-slots.js";
import type { Logger } from "../../core/log.js";
import { answerOf, type ChainOptions } from "../http/chain.js";
import type { Endpoint } from "../http/endpoint.js";
import { Content, type HttpAnswer } from "../http/http-answer.js";
import { type HttpRequest, keptBody } from "../http/http-request.js";
import { Router } from "../http/route-table.js";
import { logInternal, problemAnswer, publicError } from "../http/send-problem.js";
import { type RelayedAnswer, relayedBodyBytes } from "./relay-message.js";

/** The peer that relayed a request, and the signal that it no longer waits. */
export interface RelayedFrom {
  /** The peer's node id, as its certificate proved it. */
  readonly node: string;
  readonly signal: AbortSignal;
}

/**
 * Relayed requests that are answered at a time: of all peers (one peer has at most as many as it leaves free), and of
 * one token or client.
 */
const maxUnderWay = 64;
const maxOfClient = 16;

const headerValue = z
  .string()
  .max(8_192)
  .regex(/^[^\0\r\n]*$/);

const requestShape = z.strictObject({
  method: z.enum(["GET", "POST", "PUT", "DELETE"]),
  target: z
    .string()
    .max(8_192)
    .regex(/^\/[\x21-\x7e]*$/),
  headers: z.strictObject({
    authorization: headerValue.optional(),
    "content-type": headerValue.optional(),
    "content-encoding": headerValue.optional(),
  }),
  body: z.instanceof(Uint8Array).refine((body) => body.length <= relayedBodyBytes),
  remoteAddress: z.string().refine((address) => isIP(address) !== 0),
  baseUrl: z
    .string()
    .max(300)
    .regex(/^https:\/\/[A-Za-z0-9._[\]:-]+$/),
});

type ShapedRequest = z.infer<typeof requestShape>;

/** Dependencies of {@link RelayedRequests}. */
export interface RelayedRequestsOptions extends Pick<ChainOptions, "tokens" | "isHere"> {
  readonly endpoints: readonly Endpoint[];
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Logger;
  /** Counts a request that changes something, so that a graceful shutdown waits for it; see `InFlight.hold`. */
  readonly hold: () => () => void;
}

/**
 * Answers requests that peers relay, under the same token check as requests of clients. Endpoints that act at the
 * asked node alone are not served to peers.
 */
export class RelayedRequests {
  readonly #options: RelayedRequestsOptions;
  readonly #router: Router;
  readonly #peers: FairSlots;
  readonly #clients: FairSlots;

  constructor(options: RelayedRequestsOptions) {
    const { clock, endpoints } = options;
    this.#options = options;
    this.#router = new Router(endpoints.filter(({ route }) => route.at !== "here"));
    this.#peers = new FairSlots({
      clock,
      running: maxUnderWay,
      refuse: () => new HerdError("node.overloaded", "too many relayed requests", { retryAfterSeconds: 1 }),
    });
    this.#clients = new FairSlots({
      clock,
      running: maxUnderWay,
      runningEach: maxOfClient,
      refuse: () =>
        new HerdError("request.throttled", "too many of this token's requests at a time", { retryAfterSeconds: 1 }),
    });
  }

  /**
   * The answer to a peer's request, or its problem document. Throws `request.malformed` for a value that is no
   * request.
   */
  async answer(value: unknown, from: RelayedFrom): Promise<RelayedAnswer> {
    const parsed = requestShape.safeParse(value);
    if (!parsed.success) {
      throw new HerdError("request.malformed", "this is no relayed request", { cause: parsed.error });
    }
    const request = httpRequestOf(parsed.data, from);
    const leaves: (() => void)[] = [];
    try {
      leaves.push(this.#peers.take(from.node));
      leaves.push(this.#clients.take(request.headers.authorization ?? request.remoteAddress));
      if (request.method !== "GET") leaves.push(this.#options.hold());
      return encodedAnswer(await this.#answerOf(request));
    } catch (error) {
      const known = publicError(error);
      logInternal(known, { log: this.#options.log, request });
      return encodedAnswer(problemAnswer(known));
    } finally {
      for (const leave of leaves) leave();
    }
  }

  async #answerOf(request: HttpRequest): Promise<HttpAnswer> {
    const { tokens, isHere } = this.#options;
    const match = this.#router.find(request.path)?.match(request.method);
    if (match === undefined) throw new HerdError("path.unknown", "nothing is served to peers at this path");
    return answerOf(match, request, { tokens, isHere, isLocal: false, ownerSecret: undefined, elsewhere: refuse });
  }
}

function httpRequestOf(shaped: ShapedRequest, { node, signal }: RelayedFrom): HttpRequest {
  const { method, target, headers, remoteAddress, baseUrl, body } = shaped;
  const mark = target.indexOf("?");
  return {
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    headers,
    remoteAddress,
    // The id of the peer that sent the request, since a request is relayed once; no field of the request counts.
    arrivedAt: node,
    baseUrl,
    signal,
    body: keptBody(async () => Buffer.from(body.buffer, body.byteOffset, body.byteLength)),
  };
}

/**
 * Refuses to relay a second time: the peer's view of the marks is older, or newer, than this node's, and the peer may
 * retry.
 */
function refuse(): never {
  throw new HerdError("node.unavailable", "the node that was asked for this may not do it", { retryAfterSeconds: 1 });
}

/** An answer as it is relayed back. Throws `node.unavailable` for a body that no frame holds. */
function encodedAnswer({ status, headers, body }: HttpAnswer): RelayedAnswer {
  if (body === undefined) return { status, headers, body: new Uint8Array() };
  if (!(body instanceof Content)) throw new TypeError("a relayed answer has an end");
  const bytes = typeof body.body === "string" ? Buffer.from(body.body) : body.body;
  if (bytes.length > relayedBodyBytes) {
    const detail = "the answer is too large to come from another node: ask that node itself";
    throw new HerdError("node.unavailable", detail);
  }
  return { status, headers: { ...headers, "content-type": body.type }, body: bytes };
}
