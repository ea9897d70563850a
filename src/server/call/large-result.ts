// Results that do not fit a socket's buffer: sent as fast as the client reads, with an end that can be waited for.

import type { Request, Response } from "hyper-express";
import { type FramedRequest, keptAlive } from "../http/framed-exchange.js";

/** From this size on a result may meet a reader that is slower than the node; below, the kernel takes it at once. */
export const largeResultBytes = 65_536;

/**
 * Sends the body after headers that were written, inside `response.atomic`. Calls `sent` when its last byte has left the process,
 * or its client. Keeps a copy of what waits, since the memory of a result is not ours for long.
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
  (request as FramedRequest).transfers?.watch({
    bytes: () => passed,
    size: body.length,
    isOver: () => response.completed,
    // A reader that takes a byte now and then would keep the result, and its connection, for days.
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
