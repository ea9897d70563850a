// One call to one peer over its link: the deadline on the way, cancellation, and the result or the reason why there is
// none.

import { DeadlineExceeded } from "../../../runtime/sandbox/failures.js";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { type Cancellation, LinkBroken, RequestTimeout } from "../../mesh/ports.js";
import { type Invocation, type InvocationResult, PeerFailure } from "../invoker.js";
import type { FunctionWork } from "../learning/function-work.js";
import type { WorkModel } from "../learning/work-model.js";
import type { Peer } from "../peers/peer.js";
import type { PeerStatuses } from "../peers/peer-statuses.js";
import type { RefusedFor } from "../routing/step.js";
import { decodeResult, encodeCall } from "./call-codec.js";
import type { ForwardMetrics } from "./forward-metrics.js";
import type { ForwardedResult } from "./forwarded-call.js";
import type { LogRelay } from "./log-relay.js";

/** Dependencies of {@link CallSender}. */
export interface CallSenderOptions {
  readonly statuses: Pick<PeerStatuses, "receiveReport">;
  /** Learns from the results. */
  readonly workModel: WorkModel;
  readonly logs: LogRelay;
  readonly metrics: ForwardMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  /** A node's name, as people know the node. */
  readonly nameOf: (nodeId: string) => string;
}

/**
 * The peer that is to run a call, and how many milliseconds the call may wait there before it runs; undefined: until
 * its deadline.
 */
export interface Destination {
  readonly peer: Peer;
  readonly queueTimeoutMs: number | undefined;
  /** Work of the called function. */
  readonly work: FunctionWork;
}

/**
 * Why there is no result. `lost`: the peer or its link is gone, and the call may have run. `broken`: the peer failed as
 * a node, not the function. All other values: the peer refused the call for this reason, and nothing ran.
 */
export type Unanswered = RefusedFor | "lost" | "broken";

/** A peer answers an expired call by itself. This long after the deadline, in milliseconds, the request times out. */
const graceMs = 100;

/** Sends calls. */
export class CallSender {
  readonly #options: CallSenderOptions;

  constructor(options: CallSenderOptions) {
    this.#options = options;
  }

  /**
   * Sends a call to a peer. Rejects with the failure of the function's run there, with `function.deadline` when the
   * deadline passes, and with the reason of the call's signal.
   */
  async send(
    invocation: Invocation,
    { peer, queueTimeoutMs, work }: Destination,
  ): Promise<InvocationResult | Unanswered> {
    const { logs, clock } = this.#options;
    const { app, function: name, signal } = invocation;
    signal.throwIfAborted();
    const { revision } = app.prepared;
    const remainingMs = invocation.deadline - clock.now() - (peer.rttMs ?? 0);
    if (remainingMs <= 0) throw late(name);
    const frame = encodeCall({
      app: app.app,
      revision,
      function: name,
      arguments: invocation.arguments,
      id: invocation.id,
      remainingMs,
      queueTimeoutMs,
    });
    const remote = { nodeId: peer.nodeId, app: app.app, revision, function: name, invocation: invocation.id };
    const forget = logs.sent(remote);
    const sentAt = clock.monotonic();
    const { link } = peer;
    const timeoutMs = remainingMs + (peer.rttMs ?? 0) + graceMs;
    peer.begin();
    let result: unknown;
    try {
      result = await link.request("call", frame, { timeoutMs, signal: new InvocationCancellation(invocation, peer) });
    } catch (error) {
      return this.#unanswered(invocation, { error, peer });
    } finally {
      forget();
      peer.end();
    }
    const decoded = decodeResult(result);
    if (decoded === undefined) {
      this.#options.log.warn("a peer answered a call with what is no answer", {
        peer: peer.nodeId,
        repeat: peer.nodeId,
      });
      return this.#broken(peer, "lost");
    }
    this.#options.statuses.receiveReport(peer, { link, report: decoded.report });
    return this.#answered(decoded.result, { peer, work, sentAt });
  }

  #answered(
    answer: ForwardedResult,
    { peer, work, sentAt }: { peer: Peer; work: FunctionWork; sentAt: number },
  ): InvocationResult | Unanswered {
    const { metrics, nameOf, clock, workModel } = this.#options;
    const node = nameOf(peer.nodeId);
    const now = clock.monotonic();
    const tookMs = now - sentAt;
    const { speed } = peer;
    switch (answer.kind) {
      case "ok": {
        // A peer's times are bounded by the time that the whole request took.
        const runMs = Math.min(answer.runMs, tookMs);
        const serviceMs = answer.serviceMs === undefined ? undefined : Math.min(answer.serviceMs, tookMs);
        const queueMs = Math.min(answer.queueMs, tookMs - runMs);
        const { json } = answer;
        const hopMs = Math.max(0, tookMs - queueMs - runMs);
        peer.answered(now);
        if (serviceMs !== undefined) workModel.ran({ work, speed, serviceMs }, now);
        metrics.sent("ok");
        metrics.hop(hopMs);
        return { json, queueMs, runMs, serviceMs, hop: { node, hopMs } };
      }
      case "broken":
        // The failure is the node's and not the function's: another node may run the call.
        return this.#broken(peer, "broken");
      case "failed":
        peer.answered(now);
        // A call that waited in the peer's queue ran for less than its wall time, so its time teaches nothing.
        if (answer.late && peer.queued === 0) {
          workModel.outlasted({ work, speed, serviceMs: Math.max(0, tookMs - (peer.rttMs ?? 0)) }, now);
        }
        metrics.sent("failed");
        throw new PeerFailure(answer.error, { node, hopMs: tookMs });
      default:
        metrics.sent("refused");
        // A peer that refuses as busy and reports an idle worker contradicts itself. Without a failure on its record,
        // every call would try that peer first.
        if (answer.reason === "busy" && peer.reportsIdle) this.#failed(peer, now);
        return answer.reason;
    }
  }

  /** Records that the peer failed as a node: its error rate lowers its weight, and repeated failures eject it. */
  #broken(peer: Peer, how: "lost" | "broken"): "lost" | "broken" {
    const { metrics, clock } = this.#options;
    metrics.sent("broken");
    this.#failed(peer, clock.monotonic());
    return how;
  }

  #failed(peer: Peer, now: number): void {
    const { metrics, log, nameOf } = this.#options;
    if (!peer.failed(now)) return;
    metrics.ejected.add();
    log.warn("a peer failed too often and gets no calls for a while", {
      peer: nameOf(peer.nodeId),
      repeat: peer.nodeId,
    });
  }

  #unanswered(invocation: Invocation, { error, peer }: { error: unknown; peer: Peer }): Unanswered {
    const { metrics, clock } = this.#options;
    const { signal, deadline } = invocation;
    if (signal.aborted) {
      metrics.sent("cancelled");
      throw signal.reason;
    }
    // A cancelled request times out early too: its peer fell silent. Only a timeout after the deadline is an expired
    // call.
    if (error instanceof RequestTimeout && clock.now() >= deadline) {
      metrics.sent("late");
      this.#failed(peer, clock.monotonic());
      throw late(invocation.function);
    }
    // The peer's link layer refused the request: the peer does not trust this node any more, or is overloaded.
    if (error instanceof HerdError && error.fault !== "defect") {
      metrics.sent("refused");
      return "link";
    }
    if (!(error instanceof LinkBroken || error instanceof RequestTimeout)) {
      this.#options.log.warn("a call was lost at a peer", { cause: error, peer: peer.nodeId, repeat: peer.nodeId });
    }
    return this.#broken(peer, "lost");
  }
}

/**
 * Cancellation of a forwarded call: aborted when its caller is gone or its peer is silent, since a silent peer has lost
 * the call.
 */
class InvocationCancellation implements Cancellation {
  readonly #invocation: Invocation;
  readonly #peer: Peer;

  constructor(invocation: Invocation, peer: Peer) {
    this.#invocation = invocation;
    this.#peer = peer;
  }

  get aborted(): boolean {
    return this.#invocation.signal.aborted || this.#peer.silent;
  }
}

function late(name: string): DeadlineExceeded {
  return new DeadlineExceeded(`${name} did not end within its deadline`);
}
