// A call that a node hands to a peer, and how the peer answers it.

import type { Call, CallResult } from "../../../runtime/sandbox/call.js";
import type { ErrorData } from "../../core/errors.js";
import type { Refusal } from "../routing/refusal.js";

/**
 * A call that a peer hands over, under the id that its first node gave it. The call came one hop: no field could state
 * otherwise.
 */
export interface ForwardedCall extends Pick<Call, "id" | "function" | "arguments"> {
  readonly app: string;
  readonly revision: string;
  /** Milliseconds until the call's deadline: clocks differ, so no point in time crosses a link. */
  readonly remainingMs: number;
  /** Milliseconds that the call may wait in the peer's queue; undefined: until its deadline, since no other node may run it. */
  readonly queueTimeoutMs: number | undefined;
}

/** How a forwarded call ended: with a result, with its function's failure, or refused before it ran. */
export type ForwardedResult =
  | ({ readonly kind: "ok" } & CallResult)
  | { readonly kind: "failed"; readonly error: ErrorData }
  | { readonly kind: "refused"; readonly reason: Refusal };
