// Composition of forwarding: the parts that a node needs to send its calls to peers and to run calls of peers.

import type { CapacitySource } from "../../capacity/capacity.js";
import type { Clock } from "../../core/clock.js";
import { invocationIds } from "../../core/ids.js";
import type { Limits } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import type { Metrics } from "../../core/metrics.js";
import type { Random, Timers } from "../../core/timers.js";
import type { Links, Members } from "../../mesh/ports.js";
import type { AllowanceSource } from "../../owner/allowance.js";
import type { AppRouter } from "../app-router.js";
import { LocalInvoker, type Runner } from "../invoker.js";
import { WorkModel } from "../learning/work-model.js";
import { OwnLoad, type SandboxStats } from "../peers/own-load.js";
import { PeerStatuses } from "../peers/peer-statuses.js";
import { MeshStats } from "../peers/stats.js";
import type { ChoiceInput } from "../routing/choose.js";
import { Decisions } from "../routing/decisions.js";
import { CallReceiver } from "./call-receiver.js";
import { CallSender } from "./call-sender.js";
import { ForwardMetrics } from "./forward-metrics.js";
import { LogRelay, type PeerLine } from "./log-relay.js";
import { MeshInvoker } from "./mesh-invoker.js";

/** Dependencies of {@link Forwarding}. */
export interface ForwardingOptions {
  /** This node's id. */
  readonly nodeId: string;
  readonly links: Links;
  readonly members: Pick<Members, "get" | "watch">;
  /** This node's sandbox. */
  readonly sandbox: Runner & { stats(): SandboxStats; readonly longWorkers: number };
  readonly router: AppRouter;
  /** What the owner of the machine leaves to calls. */
  readonly allowances: AllowanceSource;
  /** The measured capacity of this node. */
  readonly capacity: CapacitySource;
  /** See `bias` of {@link ChoiceInput}. */
  readonly localBias: number;
  /** How long this node's event loop was held up lately, in milliseconds. */
  readonly loopDelayMs: () => number;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** A node's name, as people know the node. */
  readonly nameOf: (nodeId: string) => string;
  /** Takes log lines of this node's calls that ran at peers, and of peers' calls whose node is gone. */
  readonly onLine: (line: PeerLine) => void;
  /** The largest result that fits one frame, in bytes. Default: that of {@link CallReceiver}. */
  readonly maxResultBytes?: number;
}

/** Forwarding of one node. To be started before the links, because it registers handlers on them. */
export class Forwarding {
  /** Runs the calls of this node's clients. */
  readonly invoker: MeshInvoker;
  /** How busy this node is, and whether it drains. */
  readonly load: OwnLoad;
  /** What this node learned of functions and of its own speed. */
  readonly workModel: WorkModel;
  /** Statistics of this node and its peers, as people see them. */
  readonly stats: MeshStats;
  /** The reports that peers sent. */
  readonly statuses: PeerStatuses;
  /** Why calls went where they went. */
  readonly decisions = new Decisions();
  /** Runs the calls of peers. */
  readonly receiver: CallReceiver;
  readonly #logs: LogRelay;

  constructor(options: ForwardingOptions) {
    const { nodeId, links, members, sandbox, router, clock, timers, random, nameOf } = options;
    const local = new LocalInvoker(sandbox);
    const metrics = new ForwardMetrics(options.metrics);
    const workModel = new WorkModel({ ...options, revisions: router });
    const load = new OwnLoad({
      stats: () => sandbox.stats(),
      longWorkers: () => sandbox.longWorkers,
      allowances: options.allowances,
      workModel,
      clock,
    });
    const { loopDelayMs, capacity } = options;
    const statuses = new PeerStatuses({
      links,
      members,
      load,
      workModel,
      capacity,
      loopDelayMs,
      revisions: router,
      clock,
      timers,
      random,
    });
    const logs = new LogRelay(options);
    this.#logs = logs;
    const sender = new CallSender({ ...options, statuses, workModel, logs, metrics });
    const { decisions } = this;
    this.invoker = new MeshInvoker({
      nodeId,
      local,
      sender,
      load,
      workModel,
      statuses,
      metrics,
      random,
      clock,
      decisions,
      nameOf,
      bias: options.localBias,
    });
    this.receiver = new CallReceiver({
      ...options,
      local,
      load,
      workModel,
      statuses,
      logs,
      metrics,
      nextInvocation: invocationIds(),
    });
    this.load = load;
    this.statuses = statuses;
    this.workModel = workModel;
    this.stats = new MeshStats({ load, statuses, workModel, capacity, loopDelayMs, nameOf });
    this.stats.register(options.metrics);
  }

  /** Registers the handlers and starts to notify peers. */
  start(): void {
    this.workModel.start();
    this.statuses.start();
    this.#logs.start();
    this.receiver.start();
  }

  /** Refuses calls of peers from now on, and waits for those that run, until the signal aborts. */
  async leave(signal: AbortSignal): Promise<void> {
    this.load.leave();
    await this.receiver.idle(signal);
  }

  /** Ends all notifications. */
  stop(): void {
    this.statuses.stop();
    this.workModel.stop();
  }
}
