// What a call of one function takes, wherever it runs: learned from every run that this node sees, told by peers until then.

import type { Work } from "./finish.js";
import type { Speed } from "./speed.js";

/** Whose speed counts: a peer. */
export interface Runs {
  readonly speed: Speed;
}

/** A run that this node saw. */
export interface SeenRun {
  readonly speed: Speed;
  readonly runMs: number;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/**
 * The work of one function: run time × rate of the node that ran it, decayed mean; and how much faster or slower than that single
 * nodes are at it. It changes slowly, so that a node that becomes slow shows in that node's {@link Speed.pace} and not here.
 */
export class FunctionWork implements Work<Runs> {
  readonly revision: string;
  readonly name: string;
  /** Runs that this node saw. */
  samples = 0;
  /** Units that peers were last told; 0: nothing. */
  toldUnits = 0;
  /** Whether it was looked at since the table last made room; see {@link WorkTable}. */
  used = false;
  readonly #here: Speed;
  #mean = 0;
  /** Runs that count in the mean. */
  #weight = 0;
  #newUnits = 0;
  #newRuns = 0;
  #foldedAt = Number.NEGATIVE_INFINITY;
  #heard: Estimate | undefined;
  readonly #fits = new Map<Speed, Fit>();

  constructor({ revision, name }: FunctionName, here: Speed) {
    this.revision = revision;
    this.name = name;
    this.#here = here;
  }

  /** Work units of a call; undefined while nobody knows. */
  get units(): number | undefined {
    if (this.samples >= enoughSamples || this.#heard === undefined) return this.samples > 0 ? this.#mean : undefined;
    return this.#heard.units;
  }

  /** What this node can tell of it: its own runs' mean; 0 before the first. */
  get ownUnits(): number {
    return this.#mean;
  }

  get hereRate(): number {
    return this.#rateOf(this.#here);
  }

  rateAt({ speed }: Runs): number {
    return this.#rateOf(speed);
  }

  /** Takes what a peer says of it, unless another one knows far better. */
  hear(estimate: Estimate): void {
    const before = this.#heard;
    if (before === undefined || before.by === estimate.by || estimate.samples * 2 >= before.samples)
      this.#heard = estimate;
  }

  /** Learns from a run. */
  saw({ speed, runMs, now }: SeenRun): void {
    const observedMs = Math.max(runMs, leastMs);
    const { units } = this;
    if (units !== undefined) {
      const expectedMs = units / speed.capacityRate;
      const fit = this.#fits.get(speed);
      speed.ran({ expectedMs: fit === undefined ? expectedMs : expectedMs / fit.factor, observedMs }, now);
      if (fit !== undefined) fit.add({ expectedMs: expectedMs / speed.pace, observedMs }, now);
      else if (this.#fits.size < maxFits) this.#fits.set(speed, new Fit(now));
    }
    this.samples++;
    this.#newUnits += observedMs * speed.capacityRate;
    this.#newRuns++;
    if (this.samples <= enoughSamples || now - this.#foldedAt >= foldMs) this.#fold(now);
  }

  /** Learns that a call ran for so long and had not ended: it takes at least as much. */
  sawAtLeast(run: SeenRun): void {
    if (run.runMs * run.speed.capacityRate > (this.units ?? 0)) this.saw(run);
  }

  /** Forgets how a node that is gone did it. */
  forget(speed: Speed): void {
    this.#fits.delete(speed);
  }

  #rateOf(speed: Speed): number {
    const fit = this.#fits.get(speed);
    return fit === undefined ? speed.rate : speed.rate * fit.factor;
  }

  #fold(now: number): void {
    // However long ago they were, a few runs are not outweighed by one.
    const kept = this.#weight * 2 ** ((this.#foldedAt - now) / halfLifeMs);
    const before = Math.max(kept, Math.min(this.#weight, enoughSamples));
    this.#weight = before + this.#newRuns;
    this.#mean = (this.#mean * before + this.#newUnits) / this.#weight;
    this.#newUnits = 0;
    this.#newRuns = 0;
    this.#foldedAt = now;
  }
}

/** One function of one revision. */
export interface FunctionName {
  readonly revision: string;
  readonly name: string;
}

/** A function's work as a peer (its id) learned it from so many runs. */
export interface Estimate {
  readonly units: number;
  readonly samples: number;
  readonly by: string;
}

/** How many times faster one node runs one function than its speed says; it follows slowly. */
class Fit {
  factor = 1;
  /** Logarithms would hide rare long runs, as of a node that is stopped now and then: sums. */
  #expectedMs = 0;
  #observedMs = 0;
  #runs = 0;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  add({ expectedMs, observedMs }: { expectedMs: number; observedMs: number }, now: number): void {
    this.#expectedMs += expectedMs;
    this.#observedMs += Math.min(observedMs, expectedMs * maxRatio);
    this.#runs++;
    if (now - this.#at < fitFoldMs) return;
    const doubtMs = (this.#expectedMs / this.#runs) * fitDoubt;
    const factor = (this.#expectedMs + doubtMs) / (this.#observedMs + doubtMs);
    this.factor = Math.max(1 / maxFit, Math.min(maxFit, factor));
    const left = 2 ** ((this.#at - now) / fitHalfLifeMs);
    this.#expectedMs *= left;
    this.#observedMs *= left;
    this.#runs *= left;
    this.#at = now;
  }
}

/** A run shorter than any clock tells. */
const leastMs = 0.001;
/** From so many own runs on, what peers say does not count. */
const enoughSamples = 8;
const halfLifeMs = 20_000;
const foldMs = 20;
const maxFits = 1_024;
const fitHalfLifeMs = 10_000;
const fitFoldMs = 200;
/** So many runs at the node's speed are taken to have come before all others. */
const fitDoubt = 32;
const maxFit = 8;
const maxRatio = 128;
