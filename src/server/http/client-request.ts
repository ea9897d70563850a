// A client's request as endpoints read it, and the way of an answer to the client.

import { Content, type HttpAnswer, type Streamed } from "./http-answer.js";
import { type HttpRequest, keptBody } from "./http-request.js";
import { readBody, whenReceived } from "./request-body.js";
import type { RequestContext } from "./request-context.js";

/** Back-pressure: a reader of a stream loses its connection once so many bytes wait for it in memory. */
const maxBehindBytes = 4 * 1024 * 1024;
/** Keep-alive of a stream: a front door closes a connection that was silent for 10 s. */
const heartbeatMs = 5_000;

/** A client's request. Must be made while the handler of its context runs: see `RequestContext.remoteAddress`. */
export class ClientRequest implements HttpRequest {
  readonly remoteAddress: string;
  readonly arrivedAt: string;
  readonly baseUrl: string;
  readonly body: HttpRequest["body"];
  readonly #context: RequestContext;
  #signal: AbortSignal | undefined;

  constructor(context: RequestContext, { node, baseUrl }: { readonly node: string; readonly baseUrl: string }) {
    this.#context = context;
    this.remoteAddress = context.remoteAddress;
    this.arrivedAt = node;
    this.baseUrl = baseUrl;
    this.body = keptBody((limitBytes) => readBody(context, limitBytes));
  }

  get method(): string {
    return this.#context.method;
  }

  get path(): string {
    return this.#context.path;
  }

  get query(): string {
    return this.#context.query;
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    return this.#context.headers;
  }

  get signal(): AbortSignal {
    this.#signal ??= goneSignal(this.#context);
    return this.#signal;
  }
}

/** Answers a client once the request's body has arrived, up to `bodyLimitBytes`. Only the first answer is sent. */
export function sendAnswer(context: RequestContext, answer: HttpAnswer, bodyLimitBytes: number): void {
  const { status, headers, body } = answer;
  if (body !== undefined && !(body instanceof Content)) {
    sendStream(context, { headers, body });
    return;
  }
  whenReceived(context, {
    limitBytes: bodyLimitBytes,
    received: () => {
      if (context.isCompleted) return;
      // A stream failed half-way: the end of the connection is the only sign that a client gets.
      if (context.isInitiated) context.close();
      else if (body === undefined) context.sendEmpty(status, headers);
      else sendContent(context, { status, headers: { ...headers, "content-type": body.type }, body });
    },
  });
}

function sendContent(
  context: RequestContext,
  { status, headers, body: { body } }: HttpAnswer & { readonly body: Content },
): void {
  // The length and type are those of the body that GET would send.
  if (context.method === "HEAD") {
    context.sendEmpty(status, { ...headers, "content-length": String(Buffer.byteLength(body)) });
  } else {
    context.send(
      status,
      headers,
      typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    );
  }
}

function sendStream(
  context: RequestContext,
  { headers, body }: { readonly headers: HttpAnswer["headers"]; readonly body: Streamed },
): void {
  const { type, heartbeat, start, closed } = body.options;
  if (context.isCompleted) {
    closed();
    return;
  }
  const stream = context.stream({ ...headers, "content-type": type });
  const write = (text: string): void => {
    if (context.isCompleted) return;
    if (stream.waitingBytes > maxBehindBytes) context.close();
    else stream.write(text);
  };
  const beat = setInterval(() => write(heartbeat), heartbeatMs).unref();
  context.onClose(() => {
    clearInterval(beat);
    closed();
  });
  start(write);
}

/** Aborts when the client disconnects. */
function goneSignal(context: RequestContext): AbortSignal {
  const controller = new AbortController();
  if (context.isCompleted) controller.abort();
  else context.onGone(() => controller.abort());
  return controller.signal;
}
