// Pending calls without a sandbox, for tests of what orders and bounds them.

import { type FunctionQueue, PendingCall } from "../../../runtime/sandbox/pool/pending-call.js";
import type { PreparedRevision } from "../../../runtime/sandbox/prepared-revision.js";

const ignore = (): void => undefined;

/** A call of a revision by that name, whose end nobody hears of. */
export function pendingCall(
  queue: FunctionQueue,
  { revision = "r", name = "f", body = "", deadline = 0 } = {},
): PendingCall {
  const prepared = { revision } as PreparedRevision;
  return new PendingCall(
    { prepared, function: name, id: "", arguments: { format: "json", body }, deadline },
    { functionIndex: 0, body, queue, cameAt: 0, end: { resolve: ignore, reject: ignore }, onSettled: ignore },
  );
}
