// A call that a node forwards to a peer, and the peer's result.

import type { Call, CallResult } from "../../../runtime/sandbox/call.js";
import type { ErrorData } from "../../core/errors.js";
import type { Refusal } from "../routing/refusal.js";

/**
 * A call that a peer forwards, under the id that its first node gave it. The call made one hop: no field can state
 * another number.
 */
export interface ForwardedCall extends Pick<Call, "id" | "function" | "arguments"> {
  readonly app: string;
  readonly revision: string;
  /** Milliseconds until the call's deadline. Clocks of nodes differ, so no absolute time crosses a link. */
  readonly remainingMs: number;
  /**
   * Milliseconds that the call may wait in the peer's queue; undefined: until its deadline, because no other node may
   * run the call.
   */
  readonly queueTimeoutMs: number | undefined;
}

/**
 * How a forwarded call ended: with a result, with its function's failure (`late`: by its deadline), by a defect of the
 * peer, or refused before it ran.
 */
export type ForwardedResult =
  | ({ readonly kind: "ok" } & CallResult)
  | { readonly kind: "failed"; readonly error: ErrorData; readonly late: boolean }
  | { readonly kind: "broken"; readonly error: ErrorData }
  | { readonly kind: "refused"; readonly reason: Refusal };
