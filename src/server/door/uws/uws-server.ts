// hyper-express' server with our check of the header block before its body parser, and with exceptions in callbacks
// caught.

import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import { STATUS_CODES } from "node:http";
import { Server } from "hyper-express";
import { systemClock } from "../../../core/clock.js";
import type { Logger } from "../../../core/log.js";
import { HeaderBlock } from "../../connections/header-block.js";
import { Transfers } from "../../connections/transfers.js";
import { Content } from "../../http/http-answer.js";
import { addressText } from "../../http/remote-address.js";
import type { HotRoute } from "../../http/route-table.js";
import { problemAnswer, publicError } from "../../http/send-problem.js";
import { oldSuites } from "../tls-options.js";
import { isSmall, RawContext, readHead } from "./raw-context.js";
import { type Failures, type Route, UwsRequest, UwsResponse } from "./uws-request.js";

/**
 * hyper-express passes its options on to uWebSockets, which reads `ssl_ciphers`; hyper-express' types lack the
 * option.
 */
type UwsServerOptions = ConstructorParameters<typeof Server>[0] & { readonly ssl_ciphers: string };

/** Refuses a request whose framing is not certain with an answer and the end of its connection, whatever its path. */
export class UwsServer extends Server implements Failures {
  readonly #log: Logger;
  #block: HeaderBlock | undefined;
  readonly #transfers = new Transfers(systemClock);
  /** Routes of the hot path by method and pattern. */
  readonly hot = new Map<string, HotRoute>();
  /**
   * Address of a connection that was refused within this turn of the event loop: the bytes that follow in the same
   * read are no request.
   */
  #refused: string | undefined;

  constructor({ cert, key }: { readonly cert: string; readonly key: string }, log: Logger) {
    const options: UwsServerOptions = {
      cert_file_name: cert,
      key_file_name: key,
      // hyper-express would close on SIGTERM by itself; the graceful shutdown of the node comes first.
      auto_close: false,
      // Above this limit hyper-express answers an empty 413; the limit that counts is in request-body.ts.
      max_body_length: Number.MAX_SAFE_INTEGER,
      fast_buffers: true,
      // uWebSockets refuses versions before TLS 1.2.
      ssl_ciphers: oldSuites,
    };
    super(options);
    this.#log = log;
    // A refused connection ends once its read is parsed, and uWebSockets reads no other connection before.
    const counted: Parameters<typeof this.uws_instance.filter>[0] = (_, count) => {
      if (Number(count) < 0) this.#refused = undefined;
    };
    this.uws_instance.filter(counted);
  }

  /** hyper-express' entry of every request; replaces the original, which checks nothing. */
  _handle_uws_request(route: Route, source: HttpRequest, raw: HttpResponse): void {
    if (this.#refused !== undefined && this.#refused === addressText(raw.getRemoteAddress())) {
      this.#ignore(raw);
      return;
    }
    const block = this.#blockOf(source);
    const hot = this.hot.get(route.method + route.pattern);
    if (hot !== undefined && this.#takes(hot, { block, raw })) return;
    block.turnTo(source);
    const request = new UwsRequest(route, block);
    if (block.refusal !== undefined) {
      this.#refuse(raw, { error: block.refusal, method: request.method });
      return;
    }
    request._raw_response = raw;
    const response = new UwsResponse(raw);
    response.route = route;
    response.closes = block.closes;
    response._wrapped_request = request;
    response.failures = this;
    request.failures = this;
    request.transfers = this.#transfers;
    try {
      if (!request._body_parser_run(response, route.max_body_length)) return;
      // A body in chunks may never send its first chunk.
      if (request.headers["transfer-encoding"] !== undefined) request.watchBody(response);
      route.handle(request, response);
      // An answer that is sent later is outside of uWebSockets' own cork.
      if (!response.completed) response._cork = true;
    } catch (error) {
      this.failed(response, error);
    }
  }

  /** Whether a request of the hot path needs nothing of hyper-express: then it is answered past it. */
  #takes(hot: HotRoute, { block, raw }: { readonly block: HeaderBlock; readonly raw: HttpResponse }): boolean {
    const head = readHead(block);
    if (block.refusal !== undefined || !isSmall(head)) return false;
    const [app = "", name = ""] = [block.getParameter(0), block.getParameter(1)];
    const context = new RawContext(raw, { head, transfers: this.#transfers, failures: this });
    context.guard(() => hot.handle(context, { app, function: name }));
    return true;
  }

  #blockOf(source: HttpRequest): HeaderBlock {
    this.#block ??= new HeaderBlock(source);
    this.#block.turnTo(source);
    return this.#block;
  }

  /** Answers at once: uWebSockets may answer the bytes that follow, and this answer has to precede those answers. */
  #refuse(raw: HttpResponse, { error, method }: { error: unknown; method: string }): void {
    const { status, headers, body } = problemAnswer(publicError(error));
    const content = body instanceof Content ? body : undefined;
    this.#refused = addressText(raw.getRemoteAddress());
    setImmediate(() => {
      this.#refused = undefined;
    });
    raw.cork(() => {
      raw.writeStatus(`${status} ${STATUS_CODES[status]}`).writeHeader("content-type", content?.type ?? "");
      for (const name in headers) raw.writeHeader(name, headers[name] ?? "");
      if (method === "HEAD") raw.endWithoutBody(0, true);
      else raw.end(content?.body, true);
    });
  }

  /**
   * Sends no answer, and ends the connection once the refusal is sent. uWebSockets itself ends it at a third request.
   */
  #ignore(raw: HttpResponse): void {
    this.#refused = undefined;
    let gone = false;
    raw.onAborted(() => {
      gone = true;
    });
    setImmediate(() => {
      if (!gone) raw.close();
    });
  }

  /** Logs the exception of a callback, and ends the connection. */
  failed(response: Parameters<Failures["failed"]>[0], cause: unknown): void {
    this.#log.error("a request broke its handler", { cause });
    // To close inside a callback of uWebSockets would end the process.
    setImmediate(() => {
      if (!response.completed) response.close();
    });
  }
}
