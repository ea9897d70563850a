// An exchange with a client, on hyper-express.

import type { Request, Response } from "hyper-express";
import { answerEmpty, answerHead } from "./empty-answer.js";
import type { Content, Incoming, Outgoing, OutgoingStream } from "./exchange.js";
import { type ProblemOptions, sendProblem } from "./problem.js";
import { addressText } from "./remote-address.js";
import { readBody, whenReceived } from "./request-body.js";

/** What a client may send along with a request that takes no body. */
const unreadBytes = 65_536;
/** A reader that is so far behind loses its connection: the node does not keep a stream for it. */
const maxBehindBytes = 4 * 1024 * 1024;
/** uWebSockets closes a connection that was silent for 10 s. */
const heartbeatMs = 5_000;

/** A client's request. Made while the handler runs: afterwards its address is gone. */
export class HttpIncoming implements Incoming {
  readonly remoteAddress: string;
  readonly arrivedAt: string;
  readonly baseUrl: string;
  readonly #request: Request;
  readonly #response: Response;
  #signal: AbortSignal | undefined;

  constructor(
    { request, response }: { request: Request; response: Response },
    { node, baseUrl }: { readonly node: string; readonly baseUrl: string },
  ) {
    this.#request = request;
    this.#response = response;
    this.remoteAddress = addressText(response.raw.getRemoteAddress());
    this.arrivedAt = node;
    this.baseUrl = baseUrl;
  }

  get method(): string {
    return this.#request.method;
  }

  get path(): string {
    return this.#request.path;
  }

  get query(): string {
    // Without a question mark hyper-express gives undefined, whatever its types say.
    return (this.#request.path_query as string | undefined) ?? "";
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    return this.#request.headers;
  }

  get parameters(): Readonly<Record<string, string>> {
    return this.#request.path_parameters;
  }

  get signal(): AbortSignal {
    this.#signal ??= goneSignal(this.#response);
    return this.#signal;
  }

  body(limitBytes: number): Promise<Buffer> {
    return readBody(this.#request, this.#response, limitBytes);
  }
}

/** The answer to a client. */
export class HttpOutgoing implements Outgoing {
  readonly #exchange: { readonly request: Request; readonly response: Response };
  readonly #options: ProblemOptions;
  readonly #headers: Record<string, string> = {};

  constructor(exchange: { readonly request: Request; readonly response: Response }, options: ProblemOptions) {
    this.#exchange = exchange;
    this.#options = options;
  }

  header(name: string, value: string): void {
    this.#headers[name] = value;
  }

  send(status: number, { type, body }: Content): void {
    const { request, response } = this.#exchange;
    const bytes = typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const headers = { ...this.#headers, "content-type": type };
    if (request.method === "HEAD") {
      answerHead(this.#exchange, { status, headers, length: Buffer.byteLength(bytes), bodyLimitBytes: unreadBytes });
      return;
    }
    whenReceived(request, response, {
      limitBytes: unreadBytes,
      received: () => {
        if (response.completed) return;
        response.status(status);
        for (const [name, value] of Object.entries(headers)) response.header(name, value, true);
        response.send(bytes);
      },
    });
  }

  empty(): void {
    answerEmpty(this.#exchange, { headers: this.#headers, bodyLimitBytes: unreadBytes });
  }

  problem(error: unknown): void {
    sendProblem(this.#exchange, error, this.#options);
  }

  stream(type: string, heartbeat: string): OutgoingStream {
    const { response } = this.#exchange;
    for (const [name, value] of Object.entries(this.#headers)) response.header(name, value);
    response.header("content-type", type).header("cache-control", "no-store");
    const write = (text: string): void => {
      if (response.completed) return;
      if (response.writableLength > maxBehindBytes) response.close();
      else response.write(text);
    };
    const beat = setInterval(() => write(heartbeat), heartbeatMs).unref();
    response.once("close", () => clearInterval(beat));
    return { write, onClose: (closed) => response.once("close", closed) };
  }
}

/** Aborts when the client goes away. The event costs the response a stream, which is fine off the hot path. */
function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  if (response.completed) controller.abort();
  else response.once("abort", () => controller.abort());
  return controller.signal;
}
