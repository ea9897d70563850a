// Request bodies: bounded while they arrive, whether their length was announced or not.

import { HerdError } from "../../core/errors.js";
import { tooLarge } from "./http-request.js";
import type { RequestContext } from "./request-context.js";

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
export function hasBody({ headers }: Pick<RequestContext, "headers">): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** The whole body: see {@link receiveBody}. Rejects with its errors. */
export function readBody(context: RequestContext, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => receiveBody(context, { limitBytes, done: resolve, failed: reject }));
}

/** How a body is received. */
interface BodyReception {
  readonly limitBytes: number;
  readonly done: (body: Buffer) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Receives the whole body. Fails with `request.too-large` once the body ended, so that the answer reaches the client,
 * with `request.timeout` when the body comes too slowly, and with {@link ClientGone}. Of a client that disconnects
 * within a body of known length, nothing may be called.
 */
export function receiveBody(context: RequestContext, { limitBytes, done, failed }: BodyReception): void {
  const { headers } = context;
  const announced = Number(headers["content-length"] ?? 0);
  // The fast path: a body of known length needs no list of chunks.
  if (headers["transfer-encoding"] === undefined && announced <= limitBytes) {
    context.wholeBody(done, () => {
      context.cutBody();
      failed(tooSlow());
    });
    return;
  }
  const stalled = (): void => {
    context.cutBody();
    failed(tooLarge(limitBytes));
  };
  receive(context, {
    limitBytes,
    late: () => failed(tooSlow()),
    ...(announced > limitBytes ? { keep: false, stalled } : {}),
    done: (body) => {
      if (body !== undefined) done(body);
      else failed(tooLarge(limitBytes));
    },
    gone: () => failed(new ClientGone()),
  });
}

/**
 * Discards the body and calls `received` when all of it has arrived: at once when it already has. This function cuts
 * the connection of a client that sends more than `patience` times the limit. When a client stops sending, `received`
 * is called, and its answer is the last one of the connection.
 */
export function whenReceived(context: RequestContext, options: { limitBytes: number; received: () => void }): void {
  if (context.isCompleted) return;
  if (context.isReceived) {
    options.received();
    return;
  }
  receive(context, {
    limitBytes: options.limitBytes,
    keep: false,
    done: options.received,
    stalled: () => {
      context.cutBody();
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

function receive(context: RequestContext, reception: Reception): void {
  let bytes = 0;
  let chunks: Buffer[] = [];
  const { stalled, limitBytes } = reception;
  const timer = stalled === undefined ? undefined : setTimeout(() => settle(stalled), stallMs).unref();
  let settled = false;
  const settle = (then: () => void): void => {
    clearTimeout(timer);
    if (settled) return;
    settled = true;
    if (context.isCompleted) reception.gone();
    else then();
  };
  context.readChunks({
    chunk: (piece) => {
      const before = bytes;
      bytes += piece.length;
      timer?.refresh();
      if (bytes > limitBytes || reception.keep === false) chunks = [];
      else chunks.push(piece);
      const end = limitBytes * patience;
      // To close within a read would end the process: uWebSockets is still reading from this socket.
      if (bytes > end && before <= end) setImmediate(() => context.close());
    },
    ended: () => {
      const none = bytes > limitBytes || reception.keep === false;
      settle(() => reception.done(none ? undefined : Buffer.concat(chunks)));
    },
    failed: () => settle(() => setImmediate(() => context.close())),
    late: () =>
      settle(() => {
        context.cutBody();
        reception.late();
      }),
  });
}
