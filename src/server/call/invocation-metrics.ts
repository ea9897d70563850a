// Metrics of calls: how many by outcome, and how long they waited and ran.

import { type ErrorCode, errorTable } from "../../core/error-codes.js";
import { HerdError } from "../../core/errors.js";
import { type Histogram, secondsBuckets } from "../../core/histogram.js";
import type { Counter, Metrics } from "../../core/metrics.js";
import type { InvocationResult } from "../../invoke/invoker.js";
import { ClientGone } from "../http/request-body.js";

/** Counts calls; every series is resolved once. */
export class InvocationMetrics {
  readonly #answered: Counter;
  readonly #gone: Counter;
  readonly #failed = new Map<ErrorCode, Counter>();
  readonly #queue: Histogram;
  readonly #run: Histogram;

  constructor(metrics: Metrics) {
    const outcomes = metrics.counters({
      name: "herd_invocations_total",
      help: "Calls by outcome: ok, client-gone, or an error code.",
      labels: ["outcome"],
    });
    this.#answered = outcomes.with("ok");
    this.#gone = outcomes.with("client-gone");
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      if (!code.startsWith("join.")) this.#failed.set(code, outcomes.with(code));
    }
    const buckets = secondsBuckets;
    this.#queue = metrics.histogram({
      name: "herd_invocation_queue_seconds",
      help: "Wait of answered calls.",
      buckets,
    });
    this.#run = metrics.histogram({
      name: "herd_invocation_run_seconds",
      help: "Guest time of answered calls.",
      buckets,
    });
  }

  /** Counts a call that gave a result. */
  answered(result: InvocationResult): void {
    this.#answered.add();
    this.#queue.observe(result.queueMs / 1_000);
    this.#run.observe(result.runMs / 1_000);
  }

  /** Counts a call that gave no result. */
  failed(error: unknown): void {
    if (error instanceof ClientGone) this.#gone.add();
    else this.#failed.get(error instanceof HerdError ? error.code : "internal")?.add();
  }
}
