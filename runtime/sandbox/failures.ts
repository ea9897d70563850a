// How a call ends without its function's result or failure, for callers that act on the reason.

import type { ErrorCode } from "../../src/core/error-codes.js";
import { type ErrorExtras, HerdError } from "../../src/core/errors.js";

/** The call did not end within its deadline; it may have run until then. */
export class DeadlineExceeded extends HerdError {
  constructor(detail: string) {
    super("function.deadline", detail);
  }
}

/** Why a call did not run. `busy`: load shedding, or no memory for an instance. */
export type NotStartedReason = "busy" | "draining" | "too-large" | "unknown";

const codes: Readonly<Record<NotStartedReason, ErrorCode>> = {
  busy: "node.overloaded",
  draining: "node.draining",
  "too-large": "request.too-large",
  unknown: "function.unknown",
};

/** The call did not run at all: another node, whose limits may differ, can run it. */
export class NotStarted extends HerdError {
  readonly reason: NotStartedReason;

  constructor(reason: NotStartedReason, detail: string, extras: ErrorExtras & { readonly code?: ErrorCode } = {}) {
    super(extras.code ?? codes[reason], detail, extras);
    this.reason = reason;
  }
}

/** The node had to stop a call, because its owner's policy lets no guest run. The call may run elsewhere. */
export class Preempted extends HerdError {
  constructor() {
    super("node.paused", "the node must not run calls now", { retryAfterSeconds: 5 });
  }
}
