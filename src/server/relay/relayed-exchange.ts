// The receiving end of a relay: a peer's client is answered by this node's endpoints. Nothing here can relay again.

import { isIP } from "node:net";
import { z } from "zod";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { FairSlots } from "../../core/fair-slots.js";
import type { Logger } from "../../core/log.js";
import { type ChainOptions, type Endpoint, perform } from "../http/endpoint.js";
import { type Content, type Incoming, type Outgoing, type OutgoingStream, tooLarge } from "../http/exchange.js";
import { problemHeaders, problemOf } from "../http/problem.js";
import { type RelayedResponse, relayedBodyBytes, type Where } from "./relay.js";

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

type Request = z.infer<typeof requestShape>;

/** What the receiving end works with: the chain without its relay. */
export interface RelayedOptions extends Pick<ChainOptions, "tokens" | "hold"> {
  readonly endpoints: readonly Endpoint[];
  readonly isHere: (where: Where) => boolean;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Logger;
}

/** Answers what peers relay: endpoints that have an `at`, under the same token check as from a client. */
export class RelayedRequests {
  readonly #options: RelayedOptions;
  readonly #routes: { readonly endpoint: Endpoint; readonly segments: readonly string[] }[];
  readonly #peers: FairSlots;
  readonly #clients: FairSlots;

  constructor(options: RelayedOptions) {
    const { clock } = options;
    this.#options = options;
    this.#peers = new FairSlots({
      ...{ clock, running: maxUnderWay },
      refuse: () => new HerdError("node.overloaded", "too many relayed requests", { retryAfterSeconds: 1 }),
    });
    this.#clients = new FairSlots({
      ...{ clock, running: maxUnderWay, runningEach: maxOfClient },
      refuse: () =>
        new HerdError("request.throttled", "too many of this token's requests at a time", { retryAfterSeconds: 1 }),
    });
    this.#routes = options.endpoints
      .filter(({ at }) => at !== undefined)
      .map((endpoint) => ({ endpoint, segments: endpoint.path.split("/") }));
  }

  /** The answer to what a peer sent, problems included. Throws `request.malformed` when it is no request at all. */
  async answer(request: unknown, from: RelayedFrom): Promise<RelayedResponse> {
    const parsed = requestShape.safeParse(request);
    if (!parsed.success) {
      throw new HerdError("request.malformed", "this is no relayed request", { cause: parsed.error });
    }
    const outgoing = new RelayedOutgoing(parsed.data, this.#options.log);
    const { headers, remoteAddress, method } = parsed.data;
    const leaves: (() => void)[] = [];
    try {
      leaves.push(this.#peers.take(from.node));
      leaves.push(this.#clients.take(headers.authorization ?? remoteAddress));
      if (method !== "GET") leaves.push(this.#options.hold());
      await this.#perform(parsed.data, { from, outgoing });
    } catch (error) {
      outgoing.problem(error);
    } finally {
      for (const leave of leaves) leave();
    }
    return outgoing.answer();
  }

  #perform(request: Request, { from, outgoing }: { from: RelayedFrom; outgoing: RelayedOutgoing }): Promise<void> {
    const mark = request.target.indexOf("?");
    const path = mark < 0 ? request.target : request.target.slice(0, mark);
    const segments = path.split("/");
    const matching = this.#routes.filter((route) => matches(route.segments, segments));
    const route = matching.find(({ endpoint }) => endpoint.method === request.method);
    if (route === undefined) throw new HerdError("path.unknown", "nothing is served to peers at this path");
    const incoming: Incoming = {
      method: request.method,
      path,
      query: mark < 0 ? "" : request.target.slice(mark + 1),
      headers: request.headers,
      parameters: parametersOf(route.segments, segments),
      remoteAddress: request.remoteAddress,
      // Who sent it, not what it says: a request is relayed once.
      arrivedAt: from.node,
      baseUrl: request.baseUrl,
      signal: from.signal,
      body: async (limitBytes) => {
        const { body } = request;
        if (body.length > limitBytes) throw tooLarge(limitBytes);
        return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      },
    };
    const { tokens, isHere } = this.#options;
    return perform(
      route.endpoint,
      { incoming, outgoing },
      { tokens, local: false, isOwner: () => false, isHere, elsewhere: refuse },
    );
  }
}

/** The peer's view of who may act is older, or newer, than ours: it may ask again, we do not ask for it. */
function refuse(): never {
  throw new HerdError("node.overloaded", "the node that was asked for this may not do it", { retryAfterSeconds: 1 });
}

class RelayedOutgoing implements Outgoing {
  readonly #request: Pick<Request, "method" | "target">;
  readonly #log: Logger;
  #headers: Record<string, string> = {};
  #answer: RelayedResponse | undefined;

  constructor(request: Pick<Request, "method" | "target">, log: Logger) {
    this.#request = request;
    this.#log = log;
  }

  header(name: string, value: string): void {
    this.#headers[name] = value;
  }

  send(status: number, { type, body }: Content): void {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    if (bytes.length > relayedBodyBytes) {
      const detail = "the answer is too large to come from another node: ask that node itself";
      this.problem(new HerdError("node.overloaded", detail));
      return;
    }
    this.#answer ??= { status, headers: { ...this.#headers, "content-type": type }, body: bytes };
  }

  empty(): void {
    this.#answer ??= { status: 204, headers: this.#headers, body: new Uint8Array() };
  }

  problem(error: unknown): void {
    const problem = problemOf(error);
    if (problem.error.code === "internal") {
      const { method, target } = this.#request;
      this.#log.error(`${method} ${target.slice(0, 256)} of a peer failed`, {
        cause: problem.error.cause ?? problem.error,
        repeat: "",
      });
    }
    const { status } = problem.error;
    const headers = { "content-type": "application/problem+json", ...problemHeaders(problem.error) };
    this.#answer ??= { status, headers, body: Buffer.from(JSON.stringify(problem.document)) };
  }

  stream(): OutgoingStream {
    throw new TypeError("a relayed answer has an end");
  }

  answer(): RelayedResponse {
    if (this.#answer === undefined) this.problem(new TypeError("an endpoint ended without an answer"));
    return this.#answer as RelayedResponse;
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, index) => {
    const segment = segments[index] ?? "";
    return part.startsWith(":") ? segment !== "" : part === segment;
  });
}

function parametersOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    if (part.startsWith(":")) parameters[part.slice(1)] = segments[index] ?? "";
  }
  return parameters;
}
