// Metrics of calls that cross a link: those sent to peers, and those received from peers.

import { type Histogram, secondsBuckets } from "../../core/histogram.js";
import type { Counter, Metrics } from "../../core/metrics.js";
import { type Refusal, refusals } from "../routing/refusal.js";

/** How a call to a peer ended: `failed` is the function's own failure, `broken` a failed link or a malformed result. */
const sendings = ["ok", "failed", "refused", "broken", "late", "cancelled"] as const;

/** One of the ends above. */
export type Sending = (typeof sendings)[number];

/** Counts calls that cross links; every series is resolved once. */
export class ForwardMetrics {
  /** Calls that were retried at another peer or here. */
  readonly retried: Counter;
  /** Outlier ejections: times that a peer got no calls for a while because it failed. */
  readonly ejected: Counter;
  /** Malformed calls, for example with a hop other than 1. */
  readonly malformed: Counter;
  readonly #sent = new Map<Sending, Counter>();
  readonly #received = new Map<Refusal | "ran", Counter>();
  readonly #hop: Histogram;

  constructor(metrics: Metrics) {
    const sent = metrics.counters({
      name: "herd_forwarded_total",
      help: "Calls sent to peers by how that ended.",
      labels: ["outcome"],
    });
    for (const sending of sendings) this.#sent.set(sending, sent.with(sending));
    const received = metrics.counters({
      name: "herd_peer_calls_total",
      help: "Calls that peers sent: ran, or why they were refused.",
      labels: ["outcome"],
    });
    for (const outcome of ["ran", ...refusals] as const) this.#received.set(outcome, received.with(outcome));
    this.retried = metrics.counter({
      name: "herd_forward_retries_total",
      help: "Calls that a peer refused or lost and that were tried again elsewhere.",
    });
    this.ejected = metrics.counter({
      name: "herd_peer_ejections_total",
      help: "Times that a peer was given no calls for a while because it failed as a node.",
    });
    this.malformed = metrics.counter({
      name: "herd_peer_calls_malformed_total",
      help: "Frames of peers that were no calls of one hop.",
    });
    this.#hop = metrics.histogram({
      name: "herd_forward_hop_seconds",
      help: "Time of forwarded calls outside the peer's queue and run.",
      buckets: secondsBuckets,
    });
  }

  /** Counts a call that was sent. */
  sent(outcome: Sending): void {
    this.#sent.get(outcome)?.add();
  }

  /** Counts the hop of an answered call. */
  hop(hopMs: number): void {
    this.#hop.observe(hopMs / 1_000);
  }

  /** Counts a call that a peer sent. */
  received(outcome: Refusal | "ran"): void {
    this.#received.get(outcome)?.add();
  }
}
