// hyper-express' request and response with what our server adds: no exception behind a callback, bodies that can be cut, and an end.

import type { HttpResponse } from "uWebSockets.js";
import { Request, Response } from "hyper-express";
import type { HeaderSource } from "./framing.js";

/** A hyper-express route, as far as its server uses it. */
export interface Route {
  readonly max_body_length: number;
  handle(request: Request, response: Response): void;
}

/** What hyper-express' types leave out of a request. */
type InnerRequest = Request & {
  _raw_response: HttpResponse;
  readonly _body_received_bytes: number;
  _body_parser_run(response: Response, limitBytes: number): boolean;
  _body_parser_stop(): void;
  _body_parser_on_chunk(response: Response, chunk: ArrayBuffer, isLast: boolean): void;
};

/** What they leave out of a response. */
type InnerResponse = Response & { route: Route; _wrapped_request: Request; _cork: boolean };

const InnerRequest = Request as unknown as new (route: Route, source: HeaderSource) => InnerRequest;
const InnerResponse = Response as unknown as new (raw: HttpResponse) => InnerResponse;

/** A request whose chunks cannot end the process: uWebSockets calls back from outside of any promise or try. */
export class FramedRequest extends InnerRequest {
  /** Is called with what a chunk made hyper-express throw. */
  failed: ((error: unknown) => void) | undefined;

  override _body_parser_on_chunk(response: Response, chunk: ArrayBuffer, isLast: boolean): void {
    try {
      super._body_parser_on_chunk(response, chunk, isLast);
    } catch (error) {
      this.failed?.(error);
    }
  }
}

/** A response that may have to be the last one of its connection. */
export class FramedResponse extends InnerResponse {
  /** Whether the connection ends with this response. */
  closes = false;

  override send(...[body, close]: Parameters<Response["send"]>): Response {
    return super.send(body, close === true || this.closes);
  }
}

/** Whether the connection ends with this response. */
export function closesAfter(response: Response): boolean {
  return (response as FramedResponse).closes;
}

/** Bytes of the body that have arrived. */
export function receivedBytes(request: Request): number {
  return (request as FramedRequest)._body_received_bytes;
}

/** Waits no longer for a body that does not come: the response may be sent now, and is the last one of its connection. */
export function cutBody(request: Request, response: Response): void {
  (response as FramedResponse).closes = true;
  (request as FramedRequest)._body_parser_stop();
  request.received = true;
}
