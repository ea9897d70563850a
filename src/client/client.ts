// A client of the public HTTPS interface, which the command line, tests and benches share.

import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Route } from "../api/route.js";
import { problemError } from "./errors.js";
import {
  type AnyAnswer,
  type AnyRequest,
  answerJson,
  type RequestArguments,
  type RouteAnswer,
  type WireRequest,
  wireRequest,
} from "./route-request.js";
import { UnreachableError, unreachable } from "./unreachable.js";

/** An answer as a hook sees it: whole, and of any status. */
export interface SeenAnswer {
  readonly method: string;
  /** Path, with or without a query. */
  readonly path: string;
  readonly status: number;
  /** Media type, as the answer names it. */
  readonly type: string | undefined;
  readonly text: string;
}

/** The node, the token, and the root to trust: `ca` is PEM, absent for the machine's own roots. */
export interface ClientOptions {
  readonly url: URL;
  readonly token: string | undefined;
  readonly ca: string | undefined;
  /** Host to dial when this machine cannot resolve the URL's host. The certificate must still name the URL's host. */
  readonly dial?: string;
  /** Called with each answer that was received whole; an error that it throws fails the request. */
  readonly onAnswer?: ((answer: SeenAnswer) => void) | undefined;
}

/** A request of any path; method GET when none is given. */
export type ClientRequest = Partial<Omit<WireRequest, "path">>;

/** An answer of a status below 400, which is not parsed. */
export type Reply = Omit<AnyAnswer, "json">;

/** Sends requests to one node. */
export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /**
   * Sends a request of a route; the answer is parsed by the schema that the route declares for its status. Throws
   * {@link ProblemError}, {@link UnreachableError}, and {@link UnreadableAnswerError} for an answer that the contract
   * does not declare.
   */
  call<const R extends Route>(route: R, ...request: RequestArguments<R>): Promise<RouteAnswer<R>>;
  async call(route: Route, request?: AnyRequest): Promise<AnyAnswer> {
    const { path, ...options } = wireRequest(route, request);
    const reply = await this.send(path, options);
    return { ...reply, json: answerJson(route, reply, `${route.method} ${new URL(path, this.#options.url)}`) };
  }

  /** Sends a request of a route whose answer does not end; resolves when the headers came. Throws as {@link call}. */
  follow<const R extends Route>(route: R, ...request: RequestArguments<R>): Promise<IncomingMessage>;
  async follow(route: Route, request?: AnyRequest): Promise<IncomingMessage> {
    const { path, ...options } = wireRequest(route, request);
    return this.open(path, options);
  }

  /**
   * Sends a request of any path; does not parse the answer. Throws {@link ProblemError} and {@link UnreachableError}.
   */
  async send(path: string, options: ClientRequest = {}): Promise<Reply> {
    const response = await this.open(path, options);
    const { statusCode: status = 0, headers } = response;
    const text = await textOf(response);
    this.#seen(response, { path, method: options.method, text });
    return { status, headers, text };
  }

  /** The answer as a stream, once its headers are there and its status is below 400. Throws as {@link send}. */
  async open(path: string, options: ClientRequest = {}): Promise<IncomingMessage> {
    const response = await this.#dial(path, options);
    const { statusCode: status = 0 } = response;
    if (status < 400) return response;
    const text = await textOf(response);
    this.#seen(response, { path, method: options.method, text });
    throw problemError(status, text);
  }

  #seen(
    { statusCode: status = 0, headers }: IncomingMessage,
    {
      path,
      method = "GET",
      text,
    }: { readonly path: string; readonly method?: string | undefined; readonly text: string },
  ): void {
    this.#options.onAnswer?.({ method, path, status, type: headers["content-type"], text });
  }

  async #dial(path: string, options: ClientRequest): Promise<IncomingMessage> {
    const { url, dial } = this.#options;
    try {
      return await this.#request(path, options);
    } catch (error) {
      const cause = error instanceof UnreachableError ? (error.cause as NodeJS.ErrnoException) : undefined;
      const isUnresolved = cause?.code === "ENOTFOUND" || cause?.code === "EAI_AGAIN";
      if (!isUnresolved || dial === undefined || dial === url.hostname) throw error;
      return this.#request(path, { ...options, host: dial });
    }
  }

  /** Dials `host` when one is given; the certificate must name the URL's host all the same. */
  #request(path: string, options: ClientRequest & { readonly host?: string }): Promise<IncomingMessage> {
    const { url, token, ca } = this.#options;
    const { host } = options;
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, url), {
        ...(host === undefined ? {} : { host, hostname: host, servername: url.hostname }),
        method: options.method ?? "GET",
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(options.body === undefined ? {} : { "content-length": Buffer.byteLength(options.body) }),
          ...options.headers,
        },
        // A command sends few requests: a pool of connections would keep its process alive.
        agent: false,
        ...(ca === undefined ? {} : { ca }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      outgoing.once("response", resolve);
      outgoing.once("error", (error) =>
        reject(options.signal?.aborted ? error : unreachable(url, { error, sent: options.body })),
      );
      outgoing.end(options.body);
    });
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
