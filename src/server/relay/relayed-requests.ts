// The receiving end of a relay: a peer's client is answered by this node's endpoints. Nothing here can relay again.

import { isIP } from "node:net";
import { z } from "zod";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { FairSlots } from "../../core/fair-slots.js";
import type { Logger } from "../../core/log.js";
import { answerOf, type ChainOptions } from "../http/chain.js";
import type { Endpoint } from "../http/endpoint.js";
import { Content, type HttpAnswer } from "../http/http-answer.js";
import { type HttpRequest, keptBody } from "../http/http-request.js";
import { Router } from "../http/router.js";
import { logInternal, problemAnswer, publicError } from "../http/send-problem.js";
import { type RelayedAnswer, relayedBodyBytes } from "./relay-message.js";

/** Who relayed, and whether it still waits. */
export interface RelayedFrom {
  /** The peer's node id, as its certificate proved it. */
  readonly node: string;
  readonly signal: AbortSignal;
}

/**
 * Relayed requests that are answered at a time: of all peers (one has as many as it leaves free), and of one token or
 * client.
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

/** What the receiving end works with. */
export interface RelayedRequestsOptions extends Pick<ChainOptions, "tokens" | "isHere"> {
  readonly endpoints: readonly Endpoint[];
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Logger;
  /** Counts a request that changes something, so that a graceful shutdown waits for it; see `InFlight.hold`. */
  readonly hold: () => () => void;
}

/** Answers requests that peers relay: of endpoints that do not act at the asked node alone, under the token check of clients. */
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

  /** The answer to what a peer sent, problems included. Throws `request.malformed` when it is no request at all. */
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
    // Who sent it, not what it says: a request is relayed once.
    arrivedAt: node,
    baseUrl,
    signal,
    body: keptBody(async () => Buffer.from(body.buffer, body.byteOffset, body.byteLength)),
  };
}

/** The peer's view of who may act is older, or newer, than ours: it may ask again, we do not ask for it. */
function refuse(): never {
  throw new HerdError("node.unavailable", "the node that was asked for this may not do it", { retryAfterSeconds: 1 });
}

/** An answer as it travels back. One that does not fit, or has no end, is a problem. */
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
