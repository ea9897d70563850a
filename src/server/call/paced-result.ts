// Results that do not fit a socket's buffer: sent as fast as the client reads (back-pressure), with an end that can be
// awaited.

import type { Request, Response } from "hyper-express";
import { keptAlive, type UwsRequest } from "../http/uws-request.js";

/**
 * From this size on, in bytes, a result may meet a reader slower than the node. Smaller results fit the kernel's
 * buffer.
 */
export const largeResultBytes = 65_536;

/**
 * Sends the body after headers that were written, inside `response.atomic`. Calls `sent` when the last byte has left
 * the process, or when the client disconnects. Copies the part that waits, since the memory of a result is reused.
 */
export function sendLargeResult(
  { request, response }: { readonly request: Request; readonly response: Response },
  body: Buffer,
  sent: () => void,
): void {
  const { raw } = response;
  const kept = keptAlive(request, response);
  if (kept !== undefined) raw.writeHeader("keep-alive", kept);
  const finish = (): void => {
    response.completed = true;
    sent();
  };
  if (raw.tryEnd(body, body.length)[1]) {
    finish();
    return;
  }
  const start = raw.getWriteOffset();
  const rest = Buffer.from(body.subarray(start));
  let passed = start;
  (request as UwsRequest).transfers?.watch({
    bytes: () => passed,
    size: body.length,
    isOver: () => response.completed,
    // A reader that takes a byte now and then would hold the result and its connection for days.
    late: () => response.close(),
  });
  response.once("abort", sent);
  raw.onWritable((offset) => {
    passed = offset;
    const [flushed, done] = raw.tryEnd(rest.subarray(offset - start), body.length);
    if (done) finish();
    return flushed;
  });
}
