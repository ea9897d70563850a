// What a call of one function takes, wherever it runs: learned from every run that this node sees, told by peers until then.

import type { Work } from "../routing/finish.js";
import type { Speed } from "../routing/speed.js";
import { type Estimate, PeerEstimates } from "./peer-estimates.js";

/** Whose speed counts: a peer. */
export interface Runner {
  readonly speed: Speed;
}

/** A run that this node saw: how long it had its worker, of a node of that speed. */
export interface SeenRun {
  readonly speed: Speed;
  readonly serviceMs: number;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/**
 * The work of one function: service time × rate of the node that ran it, decayed mean; and how much faster or slower than that single
 * nodes are at it. It changes slowly, so that a node that becomes slow shows in that node's {@link Speed.pace} and not here.
 */
export class FunctionWork implements Work<Runner> {
  readonly revision: string;
  readonly name: string;
  /** Runs that this node saw, but for the very last. */
  samples = 0;
  /** Units that peers were last told; 0: nothing. */
  toldUnits = 0;
  /** Whether it was looked at since the table last made room; see {@link WorkTable}. */
  used = false;
  readonly #here: NodeRuns;
  readonly #away = new Map<Speed, NodeRuns>();
  #mean = 0;
  /** Runs that count in the mean. */
  #weight = 0;
  #meanAt = Number.NEGATIVE_INFINITY;
  #heard: PeerEstimates | undefined;

  constructor({ revision, name }: FunctionName, here: Speed) {
    this.revision = revision;
    this.name = name;
    this.#here = new NodeRuns(here);
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
    return this.#here.rate;
  }

  rateAt({ speed }: Runner): number {
    return this.#away.get(speed)?.rate ?? speed.rate;
  }

  /** Takes what a peer says of it. */
  hear(estimate: Estimate): void {
    if (this.#heard === undefined) this.#heard = new PeerEstimates(estimate);
    else this.#heard.hear(estimate);
  }

  /** Learns from a run; true when it learned from this and those before it, which costs more than to count them. */
  saw({ speed, serviceMs, now }: SeenRun): boolean {
    const at = speed === this.#here.speed ? this.#here : this.#awayAt(speed);
    at.count(serviceMs);
    if (this.samples > enoughSamples && now - at.learnedAt < learnMs) return false;
    const { units } = this;
    this.samples += at.runs;
    this.#average(at, now);
    at.learn(units, now);
    return true;
  }

  /** Learns that a call ran for so long and had not ended: it takes at least as much. */
  sawAtLeast(run: SeenRun): boolean {
    if (run.serviceMs * run.speed.capacityRate <= (this.units ?? 0)) return false;
    // So who said less was wrong.
    this.#heard = undefined;
    return this.saw(run);
  }

  /** Forgets how a node that is gone did it. */
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
    // However long ago they were, a few runs are not outweighed by one.
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

/** The runs of the function on one node: those of which nothing was learned yet, and how it does them against its speed. */
class NodeRuns {
  readonly speed: Speed;
  runs = 0;
  ranMs = 0;
  learnedAt = Number.NEGATIVE_INFINITY;
  /** A longer run counts as one of this length: a pause of the whole machine says little about runs that are far shorter. */
  #longestMs = Number.POSITIVE_INFINITY;
  /** How many times faster the node runs this function than its capacity and its pace of late say; it follows slowly. */
  #factor = 1;
  #expectedMs = 0;
  #observedMs = 0;
  #runs = 0;

  constructor(speed: Speed) {
    this.speed = speed;
  }

  /** Work units of this function that one worker does in a millisecond. */
  get rate(): number {
    return this.speed.rate * this.#unlike;
  }

  /** The factor against that of all that runs there. */
  get #unlike(): number {
    return this.#factor / this.speed.usualFactor;
  }

  count(serviceMs: number): void {
    this.runs++;
    this.ranMs += Math.max(leastMs, Math.min(serviceMs, this.#longestMs));
  }

  /** Learns from the runs since, each of which was taken to be of so many units. */
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

/** A run shorter than any clock tells. */
const leastMs = 0.001;
/** From so many own runs on, what peers say does not count. */
const enoughSamples = 8;
/** Half of what was seen of a function is forgotten after so long with runs. */
const halfLifeMs = 20_000;
/** Learning costs more than counting. */
const learnMs = 20;
/** Of more nodes no function knows how they do it. */
const maxNodes = 1_024;
/** Half of what was seen of how a node does the function, against its speed, is forgotten after so long. */
const factorHalfLifeMs = 5_000;
/** So many runs at the node's speed are taken to have come before all others. */
const factorDoubt = 32;
const maxFactor = 8;
/** A run counts as so many times as long as expected at most. */
const maxRatio = 128;
