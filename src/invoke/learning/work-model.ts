// What this node learned from the calls that it ran and sent: how heavy functions are, and how fast nodes.

import type { CapacitySource } from "../../capacity/capacity.js";
import type { Clock } from "../../core/clock.js";
import type { Timers } from "../../core/timers.js";
import type { Links } from "../../mesh/ports.js";
import type { AppRouter } from "../app-router.js";
import { Speed } from "../routing/speed.js";
import type { FunctionWork } from "./function-work.js";
import { WorkNotifier } from "./work-notifier.js";
import { WorkTable } from "./work-table.js";

/** What {@link WorkModel} works with. */
export interface WorkModelOptions {
  readonly links: Links;
  readonly capacity: CapacitySource;
  readonly revisions: Pick<AppRouter, "watch">;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** A call that ran, and for how long it had its worker. */
export interface Ran {
  readonly work: FunctionWork;
  /** Of the node where it ran. */
  readonly speed: Speed;
  readonly serviceMs: number;
}

/** The workModel of one node. */
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

  /** Listens and tells. Call it before the links start. */
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

  /** Tells no more. */
  stop(): void {
    this.#notifier.stop();
    for (const end of this.#ends?.splice(0) ?? []) end();
  }

  /** Learns from a call that ended, with a result or a failure of its own; `now` is in monotonic milliseconds. */
  ran({ work, speed, serviceMs }: Ran, now: number): void {
    if (work.saw({ speed, serviceMs, now })) this.#notifier.changed(work);
  }

  /** Learns from a call that ran for so long and was stopped then. */
  outlasted({ work, speed, serviceMs }: Ran, now: number): void {
    if (work.sawAtLeast({ speed, serviceMs, now })) this.#notifier.changed(work);
  }
}
