// Calls that peers forward: run here or refused, never forwarded again. Nothing in this file can send a call.

import type { CallResult, Cancellation } from "../../../runtime/sandbox/call.js";
import { DeadlineExceeded, NotStarted, Preempted } from "../../../runtime/sandbox/failures.js";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { FairSlots } from "../../core/fair-slots.js";
import type { Limits } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { type From, LinkBroken, type Links } from "../../mesh/ports.js";
import type { ActiveApp, AppRouter } from "../app-router.js";
import type { InvocationEnd, LocalInvoker } from "../invoker.js";
import type { WorkModel } from "../learning/work-model.js";
import type { OwnLoad } from "../peers/own-load.js";
import type { PeerStatuses } from "../peers/peer-statuses.js";
import { estimateWaitMs } from "../routing/finish.js";
import type { Refusal } from "../routing/refusal.js";
import { decodeCall, encodeResult } from "./call-codec.js";
import type { ForwardMetrics } from "./forward-metrics.js";
import type { ForwardedCall, ForwardedResult } from "./forwarded-call.js";
import type { LogRelay } from "./log-relay.js";

/** Dependencies of {@link CallReceiver}. */
export interface CallReceiverOptions {
  readonly links: Links;
  readonly router: Pick<AppRouter, "find">;
  /** The sandbox of this node. Nothing here leads to another node. */
  readonly local: LocalInvoker;
  readonly load: OwnLoad;
  readonly workModel: Pick<WorkModel, "works">;
  readonly statuses: Pick<PeerStatuses, "received" | "report">;
  readonly logs: Pick<LogRelay, "logFor">;
  readonly metrics: ForwardMetrics;
  readonly limits: Pick<Limits, "deadlineMs" | "queueLength">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes ids for calls, from the same sequence as those of this node's own calls. */
  readonly nextInvocation: () => string;
  /** The largest result that fits one frame, in bytes. Default: 7 MiB. */
  readonly maxResultBytes?: number;
}

const defaultMaxResultBytes = 7 * 1024 * 1024;
/**
 * Back-pressure: peers' calls are refused once this share of the queue is taken; the rest is for the node's own
 * clients.
 */
const queueShare = 0.5;

/** Answers requests of kind `call`. */
export class CallReceiver {
  readonly #options: CallReceiverOptions;
  /**
   * Bounds the calls of each peer by the node's queue length. A peer that floods this node is refused; other peers are
   * not affected.
   */
  readonly #shares: FairSlots;
  #started = false;
  #running = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: CallReceiverOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.#shares = new FairSlots({
      clock,
      running: Math.max(2, limits.queueLength),
      refuse: () => new HerdError("node.overloaded", "too many calls of this peer", { retryAfterSeconds: 1 }),
    });
  }

  /** Registers the handler. To be called before the links start. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#options.links.handle("call", (body, from) => this.#answer(body, from));
  }

  /** Peers' calls that run or wait here. */
  get size(): number {
    return this.#running;
  }

  /** Resolves when no call of a peer runs or waits, or when the signal aborts. */
  idle(signal: AbortSignal): Promise<void> {
    if (this.#running === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  #answer(body: unknown, from: From): Promise<unknown[]> | unknown[] {
    const { nodeId } = from.peer;
    this.#options.statuses.received(nodeId);
    const call = decodeCall(body);
    if ("wrong" in call) return this.#refuseMalformed(nodeId, call.wrong);
    const active = this.#options.router.find(call.app);
    const refusal = this.#refusal(call, active);
    if (refusal !== undefined || active === undefined) return this.#refuse(nodeId, refusal ?? "unknown");
    const leave = this.#shares.tryTake(nodeId);
    if (typeof leave === "string") return this.#refuse(nodeId, "busy");
    return this.#run(call, { active, from, leave });
  }

  #refuse(nodeId: string, reason: Refusal): unknown[] {
    const { statuses, metrics } = this.#options;
    metrics.received(reason);
    return encodeResult({ kind: "refused", reason }, statuses.report(nodeId));
  }

  #refusal(
    { revision, function: name, queueTimeoutMs }: ForwardedCall,
    active: ActiveApp | undefined,
  ): Refusal | undefined {
    const { load, limits, workModel } = this.#options;
    if (load.draining) return "draining";
    if (active?.prepared.revision !== revision || !active.functions.has(name)) return "unknown";
    const now = load.read();
    if (now.slots === 0 || load.allowance.state === "paused") return "draining";
    if (queueTimeoutMs === undefined) return undefined;
    const { units = 0 } = workModel.works.of(revision, name);
    if (units > now.lightUnits) return "heavy";
    if (now.queued >= limits.queueLength * queueShare) return "busy";
    return estimateWaitMs(now) > queueTimeoutMs ? "busy" : undefined;
  }

  async #run(
    call: ForwardedCall,
    { active, from, leave }: { active: ActiveApp; from: From; leave: () => void },
  ): Promise<unknown[]> {
    const { local, load, statuses, workModel, logs, metrics, limits, clock, nextInvocation } = this.#options;
    const { nodeId } = from.peer;
    const id = nextInvocation();
    this.#running++;
    try {
      const deadline = clock.now() + Math.min(call.remainingMs, limits.deadlineMs);
      const { function: name, arguments: args } = call;
      const signal = new RequestCancellation(from);
      const log = logs.logFor(call, { id, link: from.link });
      const tracked = { work: workModel.works.of(call.revision, name), preempted };
      const outcome = await new Promise<CallResult>((resolve, reject) => {
        const invocation = { app: active, function: name, arguments: args, id, deadline, signal, log };
        local.begin(invocation, load.track({ resolve, reject }, tracked));
      });
      const answer = this.#result(outcome);
      metrics.received(answer.kind === "refused" ? answer.reason : "ran");
      return encodeResult(answer, statuses.report(nodeId));
    } catch (error) {
      // The peer cancelled the request: no response is sent, and the error is the signal's reason.
      if (from.aborted) throw error;
      const answer = this.#failure(error);
      metrics.received(answer.kind === "refused" ? answer.reason : "ran");
      return encodeResult(answer, statuses.report(nodeId));
    } finally {
      leave();
      this.#running--;
      if (this.#running === 0) this.#onIdle?.();
    }
  }

  #result({ json, queueMs, runMs, serviceMs }: CallResult): ForwardedResult {
    const limit = this.#options.maxResultBytes ?? defaultMaxResultBytes;
    // UTF-8 needs at most three bytes for one UTF-16 unit.
    const fits = json === null || json.length * 3 <= limit || Buffer.byteLength(json) <= limit;
    return fits ? { kind: "ok", json, queueMs, runMs, serviceMs } : { kind: "refused", reason: "too-large" };
  }

  #failure(error: unknown): ForwardedResult {
    if (error instanceof Preempted) return { kind: "refused", reason: "draining" };
    // The call is acceptable at its first node, whose limits may differ from this node's.
    if (error instanceof NotStarted) return { kind: "refused", reason: error.reason };
    const known = error instanceof HerdError ? error : new HerdError("internal", "", { cause: error });
    const late = error instanceof DeadlineExceeded;
    if (known.fault !== "defect") return { kind: "failed", error: known.toData(), late };
    this.#options.log.error("a call of a peer failed", { cause: known.cause ?? known, repeat: "" });
    return { kind: "broken", error: { code: "internal", detail: "the peer's log says more" } };
  }

  #refuseMalformed(nodeId: string, wrong: string): never {
    const { metrics, log } = this.#options;
    metrics.malformed.add();
    const error = new HerdError("request.malformed", wrong);
    log.warn("a call of a peer was refused", { peer: nodeId, repeat: nodeId, cause: error });
    throw error;
  }
}

/** Refuses a preempted call, so that its first node chooses another place. */
function preempted(end: InvocationEnd): void {
  end.reject(new Preempted());
}

/** Cancellation of a peer's call: aborted when its request is. An AbortSignal would cost a controller for each call. */
class RequestCancellation implements Cancellation {
  readonly #from: From;

  constructor(from: From) {
    this.#from = from;
  }

  get aborted(): boolean {
    return this.#from.aborted;
  }

  get reason(): unknown {
    return this.aborted ? new LinkBroken("the peer does not want the call any more") : undefined;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }
}
