// How this node answered calls lately, by function: rates, errors and quantiles of the last minute, for people who watch.

import type { CallStats as FunctionStats } from "../../api/apps.js";
import type { Clock } from "../../core/clock.js";
import { rounded } from "../../core/rounded.js";
import type { ActiveApp } from "../../invoke/app-router.js";
import type { InvocationResult } from "../../invoke/invoker.js";
import { ClientGone } from "../http/request-body.js";

/** The minute is kept in slots: the oldest leaves when a new one begins. */
const slotMs = 5_000;
const slotCount = 12;
/** The rate is that of the current slot and so many before it: recent, and steady enough to read. */
const rateSlots = 2;
/** Bounds of times, from 10 µs by a factor of 2^(1/4), so that a quantile is told to a tenth: the last is about two minutes. */
const binsPerOctave = 4;
const lowestMs = 0.01;
const binCount = 96;

/** Counts of one function; resolved once a call, written with a few additions. */
class Counts {
  readonly #times = new Uint32Array(slotCount * binCount);
  readonly #calls = new Uint32Array(slotCount);
  readonly #errors = new Uint32Array(slotCount);
  /** Number of the newest slot since the epoch. */
  #newest = 0;

  answered(ms: number, now: number): void {
    const slot = this.#slotAt(now);
    const bin = ms <= lowestMs ? 0 : Math.min(binCount - 1, Math.ceil(Math.log2(ms / lowestMs) * binsPerOctave));
    const at = slot * binCount + bin;
    this.#times[at] = (this.#times[at] ?? 0) + 1;
    this.#calls[slot] = (this.#calls[slot] ?? 0) + 1;
  }

  failed(now: number): void {
    const slot = this.#slotAt(now);
    this.#errors[slot] = (this.#errors[slot] ?? 0) + 1;
    this.#calls[slot] = (this.#calls[slot] ?? 0) + 1;
  }

  read(now: number): FunctionStats {
    const current = this.#slotAt(now);
    const merged = new Uint32Array(binCount);
    for (const [at, count] of this.#times.entries()) {
      const bin = at % binCount;
      merged[bin] = (merged[bin] ?? 0) + count;
    }
    let recent = 0;
    for (let age = 0; age <= rateSlots; age++) recent += this.#calls[(current - age + slotCount) % slotCount] ?? 0;
    return {
      calls: sumOf(this.#calls),
      errors: sumOf(this.#errors),
      perSecond: rounded((recent * 1_000) / (rateSlots * slotMs + (now % slotMs))),
      p50Ms: quantile(merged, 0.5),
      p99Ms: quantile(merged, 0.99),
    };
  }

  /** The slot of that time; those that passed since the last look are empty. */
  #slotAt(now: number): number {
    const wanted = Math.floor(now / slotMs);
    // A clock that was set back counts in the newest slot.
    if (wanted > this.#newest) {
      const passed = Math.min(slotCount, wanted - this.#newest);
      for (let number = wanted - passed + 1; number <= wanted; number++) {
        const slot = number % slotCount;
        this.#times.fill(0, slot * binCount, (slot + 1) * binCount);
        this.#calls[slot] = 0;
        this.#errors[slot] = 0;
      }
      this.#newest = wanted;
    }
    return this.#newest % slotCount;
  }
}

/** The figures of all functions that this node's clients call. */
export class CallStats {
  readonly #clock: Pick<Clock, "now">;
  /** By what is deployed: with a revision its figures go. */
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

  /** Counts a call that gave none; one whose client went away is nobody's error. */
  failed(app: ActiveApp, { name, error }: { readonly name: string; readonly error: unknown }): void {
    if (!(error instanceof ClientGone)) this.#counts(app, name).failed(this.#clock.now());
  }

  /** The figures of a function; undefined when it was not called since this revision is active here. */
  of(app: ActiveApp, name: string): FunctionStats | undefined {
    return this.#apps.get(app)?.get(name)?.read(this.#clock.now());
  }

  /** How many calls a peer, by name, answered for this node's clients since the node started. */
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

/** The middle of the bin in which the share of counted values is reached. */
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
