// Request bodies: bounded while they arrive, whether their length was announced or not.

import { Writable } from "node:stream";
import type { Request, Response } from "hyper-express";
import { HerdError } from "../../core/errors.js";
import { tooLarge } from "./http-request.js";
import { cutBody, type UwsRequest, wholeBody } from "./uws-request.js";

/** A client that sends more than this many times the limit loses its connection instead of getting an answer. */
const patience = 8;
/**
 * After so many milliseconds without a byte of the body, a client gets its answer, and then loses its connection.
 */
const stallMs = 1_000;

/** The client disconnected before its request was whole: no answer can be sent. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** Whether the request announced a body. */
export function hasBody(request: Request): boolean {
  const { headers } = request;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * The whole body. Rejects with `request.too-large` once the body ended, so that the answer reaches the client, with
 * `request.timeout` when the body comes too slowly, and with {@link ClientGone}. The promise never settles for a
 * client that disconnects within a body of known length.
 */
export function readBody(request: Request, response: Response, limitBytes: number): Promise<Buffer> {
  // The fast path: hyper-express allocates a body of known length once.
  if (
    request.headers["transfer-encoding"] === undefined &&
    Number(request.headers["content-length"] ?? 0) <= limitBytes
  ) {
    return wholeBody(request, response, tooSlow);
  }
  const announced = Number(request.headers["content-length"] ?? 0);
  return new Promise((resolve, reject) => {
    const stalled = (): void => {
      cutBody(request, response);
      reject(tooLarge(limitBytes));
    };
    receive(request, response, {
      limitBytes,
      late: () => reject(tooSlow()),
      ...(announced > limitBytes ? { keep: false, stalled } : {}),
      done: (body) => {
        if (body !== undefined) resolve(body);
        else reject(tooLarge(limitBytes));
      },
      gone: () => reject(new ClientGone()),
    });
  });
}

/**
 * Discards the body and calls `received` when all of it has arrived: at once when it already has. hyper-express would
 * wait for the body without a bound before it sends. This function cuts the connection of a client that sends more
 * than `patience` times the limit. When a client stops sending, `received` is called, and its answer is the last one
 * of the connection.
 */
export function whenReceived(
  request: Request,
  response: Response,
  options: { limitBytes: number; received: () => void },
): void {
  if (response.completed) return;
  if (request.received) {
    options.received();
    return;
  }
  receive(request, response, {
    limitBytes: options.limitBytes,
    keep: false,
    done: options.received,
    stalled: () => {
      cutBody(request, response);
      options.received();
    },
    late: options.received,
    gone: () => undefined,
  });
}

function tooSlow(): HerdError {
  return new HerdError("request.timeout", "the body came too slowly: it needs 16 KiB a second");
}

interface Reception {
  readonly limitBytes: number;
  readonly keep?: boolean;
  /** Called with the body, or with undefined when the body was too large or is not kept. */
  done(body: Buffer | undefined): void;
  /** Called when no byte came for {@link stallMs}. */
  stalled?(): void;
  /** Called when the body came too slowly: the response is the last one of its connection. */
  late(): void;
  gone(): void;
}

function receive(request: Request, response: Response, reception: Reception): void {
  let bytes = 0;
  let chunks: Buffer[] = [];
  const { stalled } = reception;
  const timer = stalled === undefined ? undefined : setTimeout(() => settle(stalled), stallMs).unref();
  let settled = false;
  const settle = (then: () => void): void => {
    clearTimeout(timer);
    if (settled) return;
    settled = true;
    if (response.completed) reception.gone();
    else then();
  };
  const sink = new Writable({
    write(chunk: Buffer, _encoding, next) {
      const before = bytes;
      bytes += chunk.length;
      timer?.refresh();
      if (bytes > reception.limitBytes || reception.keep === false) chunks = [];
      else chunks.push(chunk);
      const end = reception.limitBytes * patience;
      // To close inside a write would end the process: uWebSockets is still reading from this socket.
      if (bytes > end && before <= end) setImmediate(() => response.close());
      next();
    },
    final(next) {
      // hyper-express ends the stream of a client that disconnected as if the body were whole.
      const none = bytes > reception.limitBytes || reception.keep === false;
      settle(() => reception.done(none ? undefined : Buffer.concat(chunks)));
      next();
    },
  });
  (request as UwsRequest).late = () =>
    settle(() => {
      cutBody(request, response);
      reception.late();
    });
  // Without a listener, an error of the stream would end the process.
  request.once("error", () => settle(() => setImmediate(() => response.close())));
  request.pipe(sink);
}
