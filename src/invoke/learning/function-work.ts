// The work of one function, wherever it runs: learned from every run that this node observes, estimated by peers until
// then.

import type { Work } from "../routing/finish.js";
import type { Speed } from "../routing/speed.js";
import { type Estimate, PeerEstimates } from "./peer-estimates.js";

/** A peer, as far as its speed counts. */
export interface Runner {
  readonly speed: Speed;
}

/** A run that this node observed: how long the call had its worker, on a node of that speed. */
export interface ObservedRun {
  readonly speed: Speed;
  readonly serviceMs: number;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/**
 * The work of one function: an EWMA of service time × rate of the node that ran it; and how much faster or slower than
 * their overall speed single nodes run the function. The work changes slowly, so that a node that becomes slow shows in
 * its own {@link Speed.pace} and not here.
 */
export class FunctionWork implements Work<Runner> {
  readonly revision: string;
  readonly name: string;
  /** Observed runs, except those not learned from yet. */
  samples = 0;
  /** Units in the last notification to peers; 0: none was sent. */
  notifiedUnits = 0;
  /** Whether the entry was used since the table last evicted one; see {@link WorkTable}. */
  used = false;
  readonly #here: NodeRuns;
  readonly #away = new Map<Speed, NodeRuns>();
  #mean = 0;
  /** Runs that count in the mean. */
  #weight = 0;
  #meanAt = Number.NEGATIVE_INFINITY;
  #estimates: PeerEstimates | undefined;

  constructor({ revision, name }: FunctionName, here: Speed) {
    this.revision = revision;
    this.name = name;
    this.#here = new NodeRuns(here);
  }

  /** Work units of a call; undefined while neither this node nor a peer has an estimate. */
  get units(): number | undefined {
    if (this.samples >= enoughSamples || this.#estimates === undefined)
      return this.samples > 0 ? this.#mean : undefined;
    return this.#estimates.units;
  }

  /** The estimate from this node's own runs, in work units; 0 before the first. */
  get ownUnits(): number {
    return this.#mean;
  }

  get hereRate(): number {
    return this.#here.rate;
  }

  rateAt({ speed }: Runner): number {
    return this.#away.get(speed)?.rate ?? speed.rate;
  }

  /** Takes a peer's estimate. */
  addEstimate(estimate: Estimate): void {
    if (this.#estimates === undefined) this.#estimates = new PeerEstimates(estimate);
    else this.#estimates.add(estimate);
  }

  /**
   * Counts a run. Returns true when the model learned from this run and those before, which costs more than to count
   * them.
   */
  observe({ speed, serviceMs, now }: ObservedRun): boolean {
    const at = speed === this.#here.speed ? this.#here : this.#awayAt(speed);
    at.count(serviceMs);
    if (this.samples > enoughSamples && now - at.learnedAt < learnMs) return false;
    const { units } = this;
    this.samples += at.runs;
    this.#average(at, now);
    at.learn(units, now);
    return true;
  }

  /** Learns that a call had not ended after that time: the function takes at least as much. */
  observeAtLeast(run: ObservedRun): boolean {
    if (run.serviceMs * run.speed.capacityRate <= (this.units ?? 0)) return false;
    // A lower estimate of peers is disproved.
    this.#estimates = undefined;
    return this.observe(run);
  }

  /** Forgets the runs on a node that is gone. */
  forget(speed: Speed): void {
    this.#away.delete(speed);
  }

  #awayAt(speed: Speed): NodeRuns {
    let at = this.#away.get(speed);
    if (at === undefined) {
      at = new NodeRuns(speed);
      this.#away.set(speed, at);
      for (const [oldest] of this.#away) if (this.#away.size > maxNodes) this.#away.delete(oldest);
    }
    return at;
  }

  #average({ runs, ranMs, speed }: NodeRuns, now: number): void {
    // The weight does not decay below a few runs, so that one run never outweighs them.
    const kept = this.#weight * 2 ** ((this.#meanAt - now) / halfLifeMs);
    const before = Math.max(kept, Math.min(this.#weight, enoughSamples));
    this.#weight = before + runs;
    this.#mean = (this.#mean * before + ranMs * speed.capacityRate) / this.#weight;
    this.#meanAt = now;
  }
}

/** One function of one revision. */
export interface FunctionName {
  readonly revision: string;
  readonly name: string;
}

/**
 * The runs of the function on one node: those not learned from yet, and how fast the node runs the function relative to
 * its overall speed.
 */
class NodeRuns {
  readonly speed: Speed;
  runs = 0;
  ranMs = 0;
  learnedAt = Number.NEGATIVE_INFINITY;
  /**
   * A longer run counts as one of this length: when the whole machine pauses, that pause must not count for short runs.
   */
  #longestMs = Number.POSITIVE_INFINITY;
  /**
   * Ratio of this function's speed on the node to what the node's capacity and recent pace predict. It adapts slowly.
   */
  #factor = 1;
  #expectedMs = 0;
  #observedMs = 0;
  #runs = 0;

  constructor(speed: Speed) {
    this.speed = speed;
  }

  /** Work units of this function that one worker does in a millisecond. */
  get rate(): number {
    return this.speed.rate * this.#relativeSpeed;
  }

  /** Ratio of this function's speed on the node to the node's overall speed. */
  get #relativeSpeed(): number {
    return this.#factor / this.speed.usualFactor;
  }

  count(serviceMs: number): void {
    this.runs++;
    this.ranMs += Math.max(leastMs, Math.min(serviceMs, this.#longestMs));
  }

  /** Learns from the runs since the last call. `units` is the work of each as estimated before these runs. */
  learn(units: number | undefined, now: number): void {
    const { speed, runs, ranMs: observedMs } = this;
    if (units !== undefined) {
      const eachMs = units / (speed.capacityRate * this.#factor);
      this.#longestMs = maxRatio * eachMs;
      speed.ran({ runs, expectedMs: eachMs * runs, observedMs }, now);
      this.#adapt(((units * speed.usualFactor) / speed.rate) * runs, now);
      speed.didAt(this.#factor, observedMs);
    }
    this.runs = 0;
    this.ranMs = 0;
    this.learnedAt = now;
  }

  #adapt(expectedMs: number, now: number): void {
    const left = this.#runs === 0 ? 0 : 2 ** ((this.learnedAt - now) / factorHalfLifeMs);
    this.#expectedMs = this.#expectedMs * left + expectedMs;
    this.#observedMs = this.#observedMs * left + this.ranMs;
    this.#runs = this.#runs * left + this.runs;
    const doubtMs = (this.#expectedMs / this.#runs) * factorDoubt;
    const factor = (this.#expectedMs + doubtMs) / (this.#observedMs + doubtMs);
    this.#factor = Math.max(1 / maxFactor, Math.min(maxFactor, factor));
  }
}

/** Milliseconds that a run counts at least: the clock resolves no less. */
const leastMs = 0.001;
/** From this many own runs on, peers' estimates are ignored. More trusts peers for longer. */
const enoughSamples = 8;
/** Half-life of the mean, in milliseconds. Longer is steadier, and adapts later to other arguments. */
const halfLifeMs = 20_000;
/** The model learns at most once in this time, in milliseconds; runs in between are only counted. */
const learnMs = 20;
/** Nodes for which one function keeps a ratio; above this, the oldest entry is dropped. */
const maxNodes = 1_024;
/** Half-life of a node's ratio for a function, in milliseconds. */
const factorHalfLifeMs = 5_000;
/** Prior of a node's ratio: this many runs at the node's overall speed. More makes the ratio steadier and later. */
const factorDoubt = 32;
const maxFactor = 8;
/** A run counts as at most this many times its expected length. */
const maxRatio = 128;
