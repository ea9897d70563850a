// The request context of a client on hyper-express: the request as endpoints read it, and the way of an answer out.

import type { Request, Response } from "hyper-express";
import { answerEmpty, answerHead } from "./empty-answer.js";
import { Content, type HttpAnswer, type Streamed } from "./http-answer.js";
import { type HttpRequest, keptBody } from "./http-request.js";
import { addressText } from "./remote-address.js";
import { readBody, whenReceived } from "./request-body.js";

/** The request context of a client: hyper-express' request and response. */
export interface RequestContext {
  readonly request: Request;
  readonly response: Response;
}

/** Back-pressure: a reader of a stream loses its connection once so many bytes wait for it in memory. */
const maxBehindBytes = 4 * 1024 * 1024;
/** Keep-alive of a stream: uWebSockets closes a connection that was silent for 10 s. */
const heartbeatMs = 5_000;

/** A client's request. Must be made while hyper-express' handler runs: afterwards the client's address is gone. */
export class ClientRequest implements HttpRequest {
  readonly remoteAddress: string;
  readonly arrivedAt: string;
  readonly baseUrl: string;
  readonly body: HttpRequest["body"];
  readonly #request: Request;
  readonly #response: Response;
  #signal: AbortSignal | undefined;

  constructor(
    { request, response }: RequestContext,
    { node, baseUrl }: { readonly node: string; readonly baseUrl: string },
  ) {
    this.#request = request;
    this.#response = response;
    this.remoteAddress = addressText(response.raw.getRemoteAddress());
    this.arrivedAt = node;
    this.baseUrl = baseUrl;
    this.body = keptBody((limitBytes) => readBody(request, response, limitBytes));
  }

  get method(): string {
    return this.#request.method;
  }

  get path(): string {
    return this.#request.path;
  }

  get query(): string {
    // Without a question mark hyper-express gives undefined, in spite of its types.
    return (this.#request.path_query as string | undefined) ?? "";
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    return this.#request.headers;
  }

  get signal(): AbortSignal {
    this.#signal ??= goneSignal(this.#response);
    return this.#signal;
  }
}

/** Answers a client once the request's body has arrived, up to `bodyLimitBytes`. Only the first answer is sent. */
export function sendAnswer(context: RequestContext, answer: HttpAnswer, bodyLimitBytes: number): void {
  const { request, response } = context;
  const { status, headers, body } = answer;
  if (body === undefined) {
    answerEmpty(context, { headers, bodyLimitBytes });
    return;
  }
  if (!(body instanceof Content)) {
    sendStream(response, { headers, body });
    return;
  }
  const all = { ...headers, "content-type": body.type };
  if (request.method === "HEAD") {
    answerHead(context, { status, headers: all, length: Buffer.byteLength(body.body), bodyLimitBytes });
    return;
  }
  whenReceived(request, response, {
    limitBytes: bodyLimitBytes,
    received: () => {
      if (response.completed) return;
      if (response.initiated) {
        // A stream failed half-way: the end of the connection is the only sign that a client gets.
        response.close();
        return;
      }
      response.status(status);
      for (const [name, value] of Object.entries(all)) response.header(name, value, true);
      response.send(bytesOf(body));
    },
  });
}

function bytesOf({ body }: Content): string | Buffer {
  return typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

function sendStream(
  response: Response,
  { headers, body }: { readonly headers: HttpAnswer["headers"]; readonly body: Streamed },
): void {
  const { type, heartbeat, start, closed } = body.options;
  if (response.completed) {
    closed();
    return;
  }
  for (const [name, value] of Object.entries(headers)) response.header(name, value, true);
  response.header("content-type", type, true);
  const write = (text: string): void => {
    if (response.completed) return;
    if (response.writableLength > maxBehindBytes) response.close();
    else response.write(text);
  };
  const beat = setInterval(() => write(heartbeat), heartbeatMs).unref();
  response.once("close", () => {
    clearInterval(beat);
    closed();
  });
  start(write);
}

/** Aborts when the client disconnects. The listener costs the response a stream: too much for the hot path alone. */
function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  if (response.completed) controller.abort();
  else response.once("abort", () => controller.abort());
  return controller.signal;
}
