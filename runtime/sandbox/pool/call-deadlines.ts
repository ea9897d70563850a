// What ends a call at its deadline, and frees the calls that wait behind one which holds its thread.

import { HerdError } from "../../../src/core/errors.js";
import { DeadlineExceeded } from "../failures.js";
import type { PendingCall } from "./pending-call.js";
import type { PoolThread } from "./pool-thread.js";
import type { EndReason } from "./thread-ends.js";

/**
 * A call that runs longer than this gives back the calls behind it, and its thread counts as long. Shorter moves calls
 * sooner, and more often in vain.
 */
const holdUpMs = 2;
/** Watchdog: a thread that has no call left to run but does not return within this time is replaced. */
export const stuckMs = 1_000;
/** The same in the idle class, where a thread waits until no other program wants the core. */
const stuckLoweredMs = 10_000;
/**
 * Time that a call may still run after its caller was answered, before its thread is ended: with the tick well within
 * deadline + 50 ms.
 */
const graceMs = 40;

/** How the dispatcher acts on a thread that is late. */
export interface DeadlineActions {
  /** Queues calls again that a thread has not started. */
  putBack(calls: readonly PendingCall[]): void;
  /** Ends a thread, and fails its running call with `error`. */
  lost(thread: PoolThread, error: HerdError, reason: EndReason): void;
}

/** A moment: epoch milliseconds, which deadlines count in, and monotonic ones. */
interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

/** Checks the calls of a busy thread; called every few milliseconds while there are calls. */
export function enforceDeadlines(thread: PoolThread, moment: Moment, actions: DeadlineActions): void {
  const { now, monotonic } = moment;
  // Log lines first: they are on the port, the results in the result buffer, and a call's lines come before its end.
  thread.drain();
  thread.collect();
  const running = thread.watch(monotonic);
  if (running === undefined) {
    checkIdle(thread, moment, actions);
    return;
  }
  const { call, since } = running;
  if (call.deadline <= now) {
    const late = new DeadlineExceeded(`${call.function} did not end within its deadline`);
    call.fail(late);
    // A caller's short deadline must not cost the node a thread that is about to be free.
    if (monotonic - since > graceMs) {
      actions.lost(thread, late, "deadline");
      return;
    }
  }
  if (monotonic - since <= holdUpMs) return;
  thread.isLong = true;
  actions.putBack(thread.takeBack());
}

/**
 * Handles a thread without a running call. Between two calls the thread may make an instance, and the guest's start
 * in it may take for ever: calls behind it go elsewhere. A thread that has not begun is only slow to wake: to take
 * its calls at once would gain nothing.
 */
function checkIdle(thread: PoolThread, { now, monotonic }: Moment, actions: DeadlineActions): void {
  const idleMs = thread.idleMs(monotonic);
  const boundMs = thread.isLowered ? stuckLoweredMs : stuckMs;
  for (const call of thread.takeBack(({ deadline }) => deadline <= now)) call.expire(now);
  const isHeldUp = idleMs > (thread.hasBegun ? holdUpMs : boundMs);
  const waiting = isHeldUp ? thread.takeBack() : [];
  if (waiting.length > 0) {
    thread.isLong = true;
    actions.putBack(waiting);
  } else if (idleMs > boundMs) {
    // The remaining calls ended without a readable result, or there is none left.
    actions.lost(thread, new HerdError("internal", "the worker did not come back"), "stuck");
  }
}
