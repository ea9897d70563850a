// Results that do not fit a socket's buffer: sent as fast as the client reads (back-pressure), with an end that can be
// awaited.

import type { HttpResponse } from "uWebSockets.js";
import type { Transfers } from "../../connections/transfers.js";
import type { RequestContext } from "../../http/request-context.js";

/**
 * From this size on, in bytes, a result may meet a reader slower than the node. Smaller results fit the kernel's
 * buffer.
 */
export const largeResultBytes = 65_536;

/** A result to send after the head of its answer. */
interface PacedResult {
  readonly raw: HttpResponse;
  readonly transfers: Transfers | undefined;
  readonly body: Buffer;
  /** Called once uWebSockets has all of it: the response must not be used any more. */
  readonly done: () => void;
  /** Called when the last byte has left the process, or when the client disconnects. */
  readonly sent: () => void;
}

/** Sends a body, within `cork`. Copies the part that waits, since the memory of a result is used again. */
export function sendPaced(
  context: Pick<RequestContext, "isCompleted" | "close" | "onGone">,
  { raw, transfers, body, done, sent }: PacedResult,
): void {
  const finish = (): void => {
    done();
    sent();
  };
  if (raw.tryEnd(body, body.length)[1]) {
    finish();
    return;
  }
  const start = raw.getWriteOffset();
  const rest = Buffer.from(body.subarray(start));
  let passed = start;
  transfers?.watch({
    bytes: () => passed,
    size: body.length,
    isOver: () => context.isCompleted,
    // A reader that takes a byte now and then would hold the result and its connection for days.
    late: () => context.close(),
  });
  context.onGone(sent);
  raw.onWritable((offset) => {
    passed = offset;
    const [flushed, isWhole] = raw.tryEnd(rest.subarray(offset - start), body.length);
    if (isWhole) finish();
    return flushed;
  });
}
