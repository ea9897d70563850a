// Pending calls without a sandbox, for tests of what orders and bounds them.

import { type CallEnd, type FunctionQueue, PendingCall } from "../../../runtime/sandbox/pool/pending-call.js";
import type { PreparedRevision } from "../../../runtime/sandbox/prepared-revision.js";

const ignore = (): void => undefined;

/** A call of a revision by that name; by default nobody hears of its end. */
export function pendingCall(
  queue: FunctionQueue,
  {
    revision = "r",
    name = "f",
    body = "",
    deadline = 0,
    end = { resolve: ignore, reject: ignore },
  }: { revision?: string; name?: string; body?: string; deadline?: number; end?: CallEnd } = {},
): PendingCall {
  const prepared = { revision } as PreparedRevision;
  return new PendingCall(
    { prepared, function: name, id: "", arguments: { format: "json", body }, deadline },
    { functionIndex: 0, body, queue, cameAt: 0, end, onSettled: ignore },
  );
}
