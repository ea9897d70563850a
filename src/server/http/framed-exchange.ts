// hyper-express' request and response with what our server adds: no exception behind a callback, bodies that can be
// cut, and an end.

import type { HttpResponse } from "uWebSockets.js";
import { Request, Response, type SendableData } from "hyper-express";
import { ChunkJoiner } from "../connections/chunk-joiner.js";
import type { HeaderSource } from "../connections/framing.js";
import type { Transfers } from "../connections/transfers.js";

/** A hyper-express route, as far as its server uses it. */
export interface Route {
  readonly max_body_length: number;
  handle(request: Request, response: Response): void;
}

/** What hyper-express' types leave out of a request. */
type InnerRequest = Request & {
  _raw_response: HttpResponse;
  readonly _method: string;
  readonly _body_received_bytes: number;
  readonly _body_chunked_transfer: boolean;
  _body_parser_run(response: Response, limitBytes: number): boolean;
  _body_parser_stop(): void;
  _body_parser_on_chunk(response: Response, chunk: ArrayBuffer, isLast: boolean): void;
  _body_parser_get_received_data(): Promise<Uint8Array>;
};

/** What they leave out of a response. */
type InnerResponse = Response & {
  route: Route;
  _wrapped_request: Request;
  _cork: boolean;
  readonly _headers: Record<string, string | string[]>;
};

/** How long an idle connection is kept at least: uWebSockets ends it after 8 to 12 s (RFC 2068, section 19.7.1.1). */
const keepAlive = "timeout=8";

const InnerRequest = Request as unknown as new (route: Route, source: HeaderSource) => InnerRequest;
const InnerResponse = Response as unknown as new (raw: HttpResponse) => InnerResponse;

/** Who is told what a callback of a request threw. */
export interface Failures {
  failed(response: Response, error: unknown): void;
}

/** A request whose chunks cannot end the process: uWebSockets calls back from outside of any promise or try. */
export class FramedRequest extends InnerRequest {
  /** Who is told what a chunk made hyper-express throw. */
  failures: Failures | undefined;
  /**
   * Who watches what takes longer than this turn of the event loop: a body that is not whole with its header, a slow
   * reader.
   */
  transfers: Transfers | undefined;
  /** Is called when the body came too slowly; without it the connection is closed. */
  late: (() => void) | undefined;
  /**
   * Whether {@link watchBody} was called. Not private: a private field below a foreign class costs each request 0.35
   * µs.
   */
  #isWatched = false;
  /** What of a body in chunks waits to be passed on. */
  #joiner: ChunkJoiner | undefined;

  /** As the client wrote the method; hyper-express would make `GET` of `get`, which is another method. */
  override get method(): string {
    return this._method;
  }

  /** Bytes of the body that have arrived. */
  get receivedBytes(): number {
    return this._body_received_bytes + (this.#joiner?.bytes ?? 0);
  }

  /** The body is not whole yet: from now on it has to make progress. */
  watchBody(response: Response): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    const announced = Number(this.headers["content-length"]);
    this.transfers?.watch({
      bytes: () => this.receivedBytes,
      size: announced > 0 ? announced : undefined,
      isOver: () => this.received || response.completed,
      late: () => {
        if (this.late === undefined || response.initiated) response.close();
        else this.late();
      },
    });
  }

  override _body_parser_on_chunk(response: Response, chunk: ArrayBuffer, isLast: boolean): void {
    try {
      if (!isLast) this.watchBody(response);
      if (!this._body_chunked_transfer) {
        super._body_parser_on_chunk(response, chunk, isLast);
        return;
      }
      this.#joiner ??= new ChunkJoiner();
      for (const piece of this.#joiner.add(chunk, isLast)) {
        super._body_parser_on_chunk(response, piece, isLast && piece === chunk);
      }
    } catch (error) {
      this.failures?.failed(response, error);
    }
  }
}

/**
 * The whole body, not copied again. Rejects with `reason` when it comes too slowly: then nobody waits for the rest, and
 * the response is the last one of its connection.
 */
export function wholeBody(request: Request, response: Response, reason: () => unknown): Promise<Buffer> {
  const framed = request as FramedRequest;
  return new Promise((resolve, reject) => {
    framed.late = () => {
      cutBody(request, response);
      reject(reason());
    };
    framed._body_parser_get_received_data().then(({ buffer, byteOffset, byteLength }) => {
      resolve(Buffer.from(buffer, byteOffset, byteLength));
    }, reject);
  });
}

/** A response that may have to be the last one of its connection. */
export class FramedResponse extends InnerResponse {
  /** Whether the connection ends with this response. */
  closes = false;
  /** Who is told what a listener threw. */
  failures: Failures | undefined;

  /** hyper-express emits in uWebSockets' callbacks, when a client goes away above all. */
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    try {
      return super.emit(event, ...values);
    } catch (error) {
      this.failures?.failed(this, error);
      return true;
    }
  }

  override send(body?: SendableData, close?: boolean): Response {
    const closes = close === true || this.closes;
    if (!closes && !this.initiated && !asksToClose(this._wrapped_request)) this._headers["keep-alive"] = keepAlive;
    return super.send(body, closes);
  }
}

/** Whether the client wants the connection to end, as uWebSockets finds out: it does so by itself. */
function asksToClose({ headers }: Request): boolean {
  return headers.connection?.length === "close".length;
}

/** What `keep-alive` says in an answer to that request; undefined when the connection ends with it. */
export function keptAlive(request: Request, response: Response): string | undefined {
  return (response as FramedResponse).closes || asksToClose(request) ? undefined : keepAlive;
}

/** Whether the connection ends with this response. */
export function closesAfter(response: Response): boolean {
  return (response as FramedResponse).closes;
}

/** Bytes of the body that have arrived. */
export function receivedBytes(request: Request): number {
  return (request as FramedRequest).receivedBytes;
}

/**
 * Waits no longer for a body that does not come: the response may be sent now, and is the last one of its connection.
 */
export function cutBody(request: Request, response: Response): void {
  (response as FramedResponse).closes = true;
  (request as FramedRequest)._body_parser_stop();
  request.received = true;
}
