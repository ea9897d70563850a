// Calls that peers hand over: run here or refused, never handed on. Nothing in this file can forward.

import type { CallResult, Cancellation } from "../../../runtime/sandbox/call.js";
import { Preempted } from "../../../runtime/sandbox/preempted.js";
import type { Clock } from "../../core/clock.js";
import { type ErrorCode, HerdError } from "../../core/errors.js";
import { FairSlots } from "../../core/fair-slots.js";
import type { Limits } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { type From, LinkBroken, type Links } from "../../mesh/ports.js";
import type { ActiveApp, AppRouter } from "../app-router.js";
import type { LocalInvoker } from "../invoker.js";
import type { WorkModel } from "../learning/work-model.js";
import type { OwnLoad } from "../peers/own-load.js";
import type { PeerStatuses } from "../peers/peer-statuses.js";
import { estimateWaitMs } from "../routing/finish.js";
import type { Refusal } from "../routing/refusal.js";
import { decodeCall, encodeResult } from "./call-codec.js";
import type { ForwardMetrics } from "./forward-metrics.js";
import type { ForwardedCall, ForwardedResult } from "./forwarded-call.js";
import type { LogRelay } from "./log-relay.js";

/** What {@link CallReceiver} works with. */
export interface CallReceiverOptions {
  readonly links: Links;
  readonly router: Pick<AppRouter, "find">;
  /** The sandbox of this node, and no way to any other. */
  readonly local: LocalInvoker;
  readonly load: OwnLoad;
  readonly workModel: Pick<WorkModel, "works">;
  readonly statuses: Pick<PeerStatuses, "received" | "report">;
  readonly logs: LogRelay;
  readonly metrics: ForwardMetrics;
  readonly limits: Pick<Limits, "deadlineMs" | "queueLength">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Names for calls, from the same source as those of this node's own. */
  readonly nextInvocation: () => string;
  /** The largest result that one frame takes, in bytes; 7 MiB unless given. */
  readonly maxResultBytes?: number;
}

const defaultMaxResultBytes = 7 * 1024 * 1024;
/** Peers' calls leave this share of the queue to the node's own clients. */
const queueShare = 0.5;

/** What a sandbox that will not run a call says. The call fits its first node, whose limits may be others. */
const nothingRan: { readonly [code in ErrorCode]?: Refusal } = {
  "node.overloaded": "busy",
  "node.draining": "draining",
  "request.too-large": "too-large",
  "function.unknown": "unknown",
};

/** Answers `call` asks. */
export class CallReceiver {
  readonly #options: CallReceiverOptions;
  /** A peer has as many calls here as it leaves to others: one that floods is refused, and nobody else. */
  readonly #shares: FairSlots;
  #started = false;
  #running = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: CallReceiverOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.#shares = new FairSlots({
      ...{ clock, running: Math.max(2, limits.queueLength) },
      refuse: () => new HerdError("node.overloaded", "too many calls of this peer", { retryAfterSeconds: 1 }),
    });
  }

  /** Takes calls; call it before the links start. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#options.links.handle("call", (body, from) => this.#answer(body, from));
  }

  /** Peers' calls that run or wait here. */
  get size(): number {
    return this.#running;
  }

  /** Resolves when there are none, or when the signal aborts. */
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
    metrics.taken(reason);
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
    logs.began(id, { link: from.link, invocation: call.id });
    this.#running++;
    try {
      const deadline = clock.now() + Math.min(call.remainingMs, limits.deadlineMs);
      const { function: name, arguments: args } = call;
      const signal = new RequestCancellation(from);
      const outcome = await load.track(
        local.invoke({ app: active, function: name, arguments: args, id, deadline, signal }),
        { work: workModel.works.of(call.revision, name), preempted },
      );
      const answer = this.#result(outcome);
      metrics.taken(answer.kind === "refused" ? answer.reason : "ran");
      return encodeResult(answer, statuses.report(nodeId));
    } catch (error) {
      // The reason of its signal: nobody hears the answer.
      if (from.aborted) throw error;
      const answer = this.#failure(error);
      metrics.taken(answer.kind === "refused" ? answer.reason : "ran");
      return encodeResult(answer, statuses.report(nodeId));
    } finally {
      logs.ended(id);
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
    const known = error instanceof HerdError ? error : new HerdError("internal", "", { cause: error });
    const reason = nothingRan[known.code];
    if (reason !== undefined) return { kind: "refused", reason };
    if (known.code !== "internal") return { kind: "failed", error: known.toData() };
    this.#options.log.error("a call of a peer failed", { cause: known.cause ?? known, repeat: "" });
    return { kind: "failed", error: { code: "internal", detail: "the peer's log says more" } };
  }

  #refuseMalformed(nodeId: string, wrong: string): never {
    const { metrics, log } = this.#options;
    metrics.malformed.add();
    const error = new HerdError("request.malformed", wrong);
    log.warn("a call of a peer was refused", { peer: nodeId, repeat: nodeId, cause: error });
    throw error;
  }
}

/** Its first node chooses anew. */
function preempted(): Promise<never> {
  return Promise.reject(new Preempted());
}

/** A peer's call is wanted while its ask is. An AbortSignal would cost each call a controller. */
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
