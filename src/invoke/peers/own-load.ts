// This node's load and what its owner leaves to calls: the base of its own choices, and of the reports to its peers.

import { DeadlineExceeded, Preempted } from "../../../runtime/sandbox/failures.js";
import type { Clock } from "../../core/clock.js";
import type { Allowance, AllowanceSource } from "../../owner/allowance.js";
import type { InvocationEnd, InvocationResult } from "../invoker.js";
import type { FunctionWork } from "../learning/function-work.js";
import type { WorkModel } from "../learning/work-model.js";
import { type Here, isLong } from "../routing/finish.js";

/** The sandbox's statistics: see `Sandbox.stats`. */
export interface SandboxStats {
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
}

/** Dependencies of {@link OwnLoad}. */
export interface OwnLoadOptions {
  readonly stats: () => SandboxStats;
  /** See `Sandbox.longWorkers`. */
  readonly longWorkers: () => number;
  readonly allowances: AllowanceSource;
  /** Learns from the calls that run here. */
  readonly workModel: WorkModel;
  readonly clock: Clock;
}

/** A call that the sandbox has. */
export interface Tracked {
  readonly work: FunctionWork;
  /** Continues the call elsewhere when the sandbox preempts it. */
  preempted(end: InvocationEnd): void;
}

/**
 * Is notified that the load may have changed. `urgent`: the change decides whether calls may go to this node at all.
 */
export type LoadListener = (urgent: boolean) => void;

/** Weight of one run in the EWMA of service times. More follows changes sooner; less is steadier. */
const share = 1 / 16;

/** This node's load. */
export class OwnLoad {
  readonly #options: OwnLoadOptions;
  readonly #listeners = new Set<LoadListener>();
  #meanMs: number | undefined;
  /** The EWMA over runs that are not long; and how many of the sandbox's calls are long. */
  #shortMs: number | undefined;
  #long = 0;
  #tracked = 0;
  /** Monotonic milliseconds of the last call's end, or of the arrival of the first call in flight. */
  #progressAt = 0;
  #draining = false;
  #leaving = false;

  constructor(options: OwnLoadOptions) {
    this.#options = options;
  }

  /** The load now. While no call ends, the time since the last end stands in for a smaller mean. */
  read(): Here {
    const { stats, longWorkers, allowances, clock } = this.#options;
    const { slots: workers, running, queued } = stats();
    const { slots: allowed, lightUnits } = allowances.current;
    const slots = Math.min(workers, allowed);
    const stalledMs = running > 0 && this.#tracked > 0 ? clock.monotonic() - this.#progressAt : 0;
    const mean = this.#meanMs;
    const serviceMs = mean === undefined || stalledMs <= mean ? mean : stalledMs;
    const now = { slots, running, queued, serviceMs };
    const long = { long: this.#long, longWorkers: this.#long === 0 ? 0 : longWorkers(), shortMs: this.#shortMs };
    return { available: this.available, lightUnits, ...now, ...long };
  }

  /** Whether this node refuses calls of peers: an operator drains it, or it shuts down. */
  get draining(): boolean {
    return this.#draining || this.#leaving;
  }

  /** What the owner of the machine leaves to calls. */
  get allowance(): Allowance {
    return this.#options.allowances.current;
  }

  /**
   * Whether this node runs calls of its own clients. Peers run them while an operator drains this node or its owner
   * paused it.
   */
  get available(): boolean {
    return !this.#draining && this.allowance.state !== "paused";
  }

  /** Whether an operator drains this node. */
  get drained(): boolean {
    return this.#draining;
  }

  /** Drains the node on an operator's behalf, or ends the drain. */
  setDraining(draining: boolean): void {
    if (this.#draining === draining) return;
    this.#draining = draining;
    this.#changed(true);
  }

  /** Begins a graceful shutdown: calls of the node's clients still run, calls of peers are refused. */
  leave(): void {
    this.#leaving = true;
    this.#changed(true);
  }

  /** Follows a call that the sandbox is given with the returned callbacks, and learns from its end. */
  track(end: InvocationEnd, call: Tracked): InvocationEnd {
    const cameAt = this.#options.clock.monotonic();
    if (this.#tracked++ === 0) this.#progressAt = cameAt;
    const long = isLong(call.work);
    if (long) this.#long++;
    this.#changed(false);
    return {
      resolve: (result) => {
        this.#ran(result, { work: call.work, now: this.#ended(long) });
        end.resolve(result);
      },
      reject: (error) => {
        this.#failed(error, { work: call.work, cameAt, now: this.#ended(long) });
        if (error instanceof Preempted) call.preempted(end);
        else end.reject(error);
      },
    };
  }

  /**
   * Calls `listener` when the load may have changed; the returned function ends the subscription. The listener must be
   * cheap.
   */
  watch(listener: LoadListener): () => void {
    this.#listeners.add(listener);
    const end = this.#options.allowances.watch(() => listener(true));
    return () => {
      this.#listeners.delete(listener);
      end();
    };
  }

  #ran({ serviceMs }: InvocationResult, { work, now }: { work: FunctionWork; now: number }): void {
    const { workModel } = this.#options;
    if (serviceMs === undefined) return;
    this.#meanMs = ewma(this.#meanMs, serviceMs);
    if (!isLong(work)) this.#shortMs = ewma(this.#shortMs, serviceMs);
    workModel.ran({ work, speed: workModel.here, serviceMs }, now);
  }

  #failed(error: unknown, { work, cameAt, now }: { work: FunctionWork; cameAt: number; now: number }): void {
    const { workModel, stats } = this.#options;
    // A call that waited in the queue ran for less than its wall time, so its time teaches nothing.
    if (!(error instanceof DeadlineExceeded) || stats().queued > 0) return;
    workModel.outlasted({ work, speed: workModel.here, serviceMs: now - cameAt }, now);
  }

  #ended(long: boolean): number {
    this.#tracked--;
    if (long) this.#long--;
    this.#progressAt = this.#options.clock.monotonic();
    return this.#progressAt;
  }

  #changed(urgent: boolean): void {
    for (const listener of this.#listeners) listener(urgent);
  }
}

function ewma(mean: number | undefined, serviceMs: number): number {
  return mean === undefined ? serviceMs : mean + (serviceMs - mean) * share;
}
