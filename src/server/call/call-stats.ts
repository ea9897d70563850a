// Statistics of this node's answered calls by function: rate, errors and quantiles of the last minute, for people who
// watch.

import type { CallStats as FunctionStats } from "../../api/apps.js";
import type { Clock } from "../../core/clock.js";
import { rounded } from "../../core/rounded.js";
import type { ActiveApp } from "../../invoke/app-router.js";
import type { InvocationResult } from "../../invoke/invoker.js";
import { ClientGone } from "../http/request-body.js";

/** The minute is kept in windows of this length. The oldest window is dropped when a new one begins. */
const windowMs = 5_000;
const windowCount = 12;
/** The rate is that of the current window and this many before: recent, and steady enough to read. */
const rateWindows = 2;
/**
 * Histogram bins grow from 10 µs by a factor of 2^(1/4), so that a quantile is exact to a tenth; the last bin is at
 * about two minutes.
 */
const binsPerOctave = 4;
const lowestMs = 0.01;
const binCount = 96;

/** Counters of one function: looked up once a call, updated with a few additions. */
class Counts {
  readonly #times = new Uint32Array(windowCount * binCount);
  readonly #calls = new Uint32Array(windowCount);
  readonly #errors = new Uint32Array(windowCount);
  /** Number of the newest window since the epoch. */
  #newest = 0;

  answered(ms: number, now: number): void {
    const window = this.#windowAt(now);
    const bin = ms <= lowestMs ? 0 : Math.min(binCount - 1, Math.ceil(Math.log2(ms / lowestMs) * binsPerOctave));
    const at = window * binCount + bin;
    this.#times[at] = (this.#times[at] ?? 0) + 1;
    this.#calls[window] = (this.#calls[window] ?? 0) + 1;
  }

  failed(now: number): void {
    const window = this.#windowAt(now);
    this.#errors[window] = (this.#errors[window] ?? 0) + 1;
    this.#calls[window] = (this.#calls[window] ?? 0) + 1;
  }

  read(now: number): FunctionStats {
    const current = this.#windowAt(now);
    const merged = new Uint32Array(binCount);
    for (const [at, count] of this.#times.entries()) {
      const bin = at % binCount;
      merged[bin] = (merged[bin] ?? 0) + count;
    }
    let recent = 0;
    for (let age = 0; age <= rateWindows; age++)
      recent += this.#calls[(current - age + windowCount) % windowCount] ?? 0;
    return {
      calls: sumOf(this.#calls),
      errors: sumOf(this.#errors),
      perSecond: rounded((recent * 1_000) / (rateWindows * windowMs + (now % windowMs))),
      p50Ms: quantile(merged, 0.5),
      p99Ms: quantile(merged, 0.99),
    };
  }

  /** The index of the window at that time. Clears the windows that passed since the last call. */
  #windowAt(now: number): number {
    const wanted = Math.floor(now / windowMs);
    // After the clock was set back, calls count in the newest window.
    if (wanted > this.#newest) {
      const passed = Math.min(windowCount, wanted - this.#newest);
      for (let number = wanted - passed + 1; number <= wanted; number++) {
        const window = number % windowCount;
        this.#times.fill(0, window * binCount, (window + 1) * binCount);
        this.#calls[window] = 0;
        this.#errors[window] = 0;
      }
      this.#newest = wanted;
    }
    return this.#newest % windowCount;
  }
}

/** Statistics of all functions that this node's clients call. */
export class CallStats {
  readonly #clock: Pick<Clock, "now">;
  /** Keyed by the deployed app: its statistics are collected with it. */
  readonly #apps = new WeakMap<ActiveApp, Map<string, Counts>>();
  readonly #forwarded = new Map<string, number>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Counts a call that gave a result. */
  answered(app: ActiveApp, { name, result }: { readonly name: string; readonly result: InvocationResult }): void {
    const { queueMs, runMs, hop } = result;
    this.#counts(app, name).answered(queueMs + runMs + (hop?.hopMs ?? 0), this.#clock.now());
    if (hop !== undefined) this.#forwarded.set(hop.node, (this.#forwarded.get(hop.node) ?? 0) + 1);
  }

  /** Counts a call that gave no result. A call whose client disconnected is no error. */
  failed(app: ActiveApp, { name, error }: { readonly name: string; readonly error: unknown }): void {
    if (!(error instanceof ClientGone)) this.#counts(app, name).failed(this.#clock.now());
  }

  /** The statistics of a function; undefined when it was not called since this revision is active here. */
  of(app: ActiveApp, name: string): FunctionStats | undefined {
    return this.#apps.get(app)?.get(name)?.read(this.#clock.now());
  }

  /** How many calls of this node's clients the peer with that name answered since the node started. */
  forwardedTo(node: string): number {
    return this.#forwarded.get(node) ?? 0;
  }

  #counts(app: ActiveApp, name: string): Counts {
    let functions = this.#apps.get(app);
    if (functions === undefined) {
      functions = new Map();
      this.#apps.set(app, functions);
    }
    let counts = functions.get(name);
    if (counts === undefined) {
      counts = new Counts();
      functions.set(name, counts);
    }
    return counts;
  }
}

/** The middle of the bin in which that share of all values is reached. */
function quantile(bins: Uint32Array, share: number): number | null {
  const wanted = sumOf(bins) * share;
  if (wanted === 0) return null;
  let seen = 0;
  for (const [bin, count] of bins.entries()) {
    seen += count;
    if (seen >= wanted) return rounded(lowestMs * 2 ** ((bin - 0.5) / binsPerOctave));
  }
  return null;
}

function sumOf(counts: Uint32Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
