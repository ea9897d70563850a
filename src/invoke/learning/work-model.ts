// The work model: how heavy functions are and how fast nodes, learned from the calls that this node ran and sent.

import type { CapacitySource } from "../../capacity/capacity.js";
import type { Clock } from "../../core/clock.js";
import type { Timers } from "../../core/timers.js";
import type { Links } from "../../mesh/ports.js";
import type { AppRouter } from "../app-router.js";
import { Speed } from "../routing/speed.js";
import type { FunctionWork } from "./function-work.js";
import { WorkNotifier } from "./work-notifier.js";
import { WorkTable } from "./work-table.js";

/** Dependencies of {@link WorkModel}. */
export interface WorkModelOptions {
  readonly links: Links;
  readonly capacity: CapacitySource;
  readonly revisions: Pick<AppRouter, "watch">;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** A call that ran, and how long it had its worker. */
export interface Ran {
  readonly work: FunctionWork;
  /** Speed of the node where the call ran. */
  readonly speed: Speed;
  readonly serviceMs: number;
}

/** The work model of one node. */
export class WorkModel {
  /** How fast this node is. */
  readonly here: Speed;
  /** How heavy functions are. */
  readonly works: WorkTable;
  readonly #options: WorkModelOptions;
  readonly #notifier: WorkNotifier;
  #ends: (() => void)[] | undefined;

  constructor(options: WorkModelOptions) {
    this.#options = options;
    this.here = new Speed(options.clock.monotonic());
    this.works = new WorkTable(this.here);
    this.#notifier = new WorkNotifier({ ...options, table: this.works });
  }

  /** Registers the handlers and starts to notify peers. To be called before the links start. */
  start(): void {
    if (this.#ends !== undefined) return;
    const { capacity, revisions } = this.#options;
    this.here.measured(capacity.current);
    this.#notifier.start();
    this.#ends = [
      capacity.watch((measured) => this.here.measured(measured)),
      revisions.watch({ added: () => undefined, dropped: (revision) => this.works.drop(revision) }),
    ];
  }

  /** Ends all notifications. */
  stop(): void {
    this.#notifier.stop();
    for (const end of this.#ends?.splice(0) ?? []) end();
  }

  /** Learns from a call that ended with a result or a failure of its own; `now` is in monotonic milliseconds. */
  ran({ work, speed, serviceMs }: Ran, now: number): void {
    if (work.observe({ speed, serviceMs, now })) this.#notifier.changed(work);
  }

  /** Learns from a call that was stopped after that time. */
  outlasted({ work, speed, serviceMs }: Ran, now: number): void {
    if (work.observeAtLeast({ speed, serviceMs, now })) this.#notifier.changed(work);
  }
}
