// hyper-express' request and response with our server's additions: exceptions in callbacks are caught, bodies can be
// cut, and a response can be the last of its connection.

import type { HttpResponse } from "uWebSockets.js";
import { Request, Response, type SendableData } from "hyper-express";
import { ChunkJoiner } from "../../connections/chunk-joiner.js";
import type { HeaderSource } from "../../connections/header-block.js";
import type { Transfers } from "../../connections/transfers.js";

/** A hyper-express route: the part that its server uses. */
export interface Route {
  readonly max_body_length: number;
  readonly method: string;
  readonly pattern: string;
  handle(request: Request, response: Response): void;
}

/** Members of a request that hyper-express' types leave out. */
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

/** Members of a response that hyper-express' types leave out. */
type InnerResponse = Response & {
  route: Route;
  _wrapped_request: Request;
  _cork: boolean;
  readonly _headers: Record<string, string | string[]>;
};

/**
 * The header `keep-alive`: the least life of an idle connection, which uWebSockets ends after 8 to 12 s (RFC 2068,
 * section 19.7.1.1).
 */
export const keepAlive = "timeout=8";

const InnerRequest = Request as unknown as new (route: Route, source: HeaderSource) => InnerRequest;
const InnerResponse = Response as unknown as new (raw: HttpResponse) => InnerResponse;

/** Receives the exceptions of a request's callbacks, of which one that left them would end the process. */
export interface Failures {
  failed(response: Pick<Response, "completed" | "close">, error: unknown): void;
}

/** A request whose chunks cannot end the process: uWebSockets calls back outside of any promise or `try`. */
export class UwsRequest extends InnerRequest {
  /** Receives the exceptions that a chunk causes in hyper-express. */
  failures: Failures | undefined;
  /**
   * Watches transfers that take longer than this turn of the event loop: a body that does not arrive whole with its
   * header, and an answer to a slow reader.
   */
  transfers: Transfers | undefined;
  /** Called when the body comes too slowly; when undefined, the connection is closed instead. */
  late: (() => void) | undefined;
  /**
   * Whether {@link watchBody} was called. Not `#private`: a private field of a subclass of a foreign class costs 0.35
   * µs a request.
   */
  isWatched = false;
  /** Joins the small chunks of a body in chunks; undefined for any other body. */
  joiner: ChunkJoiner | undefined;

  /** The method as the client wrote it; hyper-express would make `GET` of `get`, which is another method. */
  override get method(): string {
    return this._method;
  }

  /** Bytes of the body that have arrived. */
  get receivedBytes(): number {
    return this._body_received_bytes + (this.joiner?.bytes ?? 0);
  }

  /** Watches a body that is not whole yet: from now on the body has to make progress. */
  watchBody(response: Response): void {
    if (this.isWatched) return;
    this.isWatched = true;
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
      this.joiner ??= new ChunkJoiner();
      for (const piece of this.joiner.add(chunk, isLast)) {
        super._body_parser_on_chunk(response, piece, isLast && piece === chunk);
      }
    } catch (error) {
      this.failures?.failed(response, error);
    }
  }
}

/** A response that may have to be the last one of its connection. */
export class UwsResponse extends InnerResponse {
  /** Whether the connection ends with this response. */
  closes = false;
  /** Receives the exceptions of listeners. */
  failures: Failures | undefined;

  /**
   * hyper-express emits in uWebSockets' callbacks, above all when a client disconnects: an exception would end the
   * process.
   */
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
    const kept = closes || this.initiated ? undefined : this.keptAlive;
    if (kept !== undefined) this._headers["keep-alive"] = kept;
    return super.send(body, closes);
  }

  /** The value of `keep-alive`; undefined when the connection ends with the answer. */
  get keptAlive(): string | undefined {
    return this.closes || asksToClose(this._wrapped_request) ? undefined : keepAlive;
  }
}

/**
 * Whether uWebSockets ends the connection by itself: the client asked for `close`, of which uWebSockets compares the
 * length.
 */
function asksToClose({ headers }: Request): boolean {
  return headers.connection?.length === "close".length;
}
