// How fast one worker of a node is: what its benchmark says, times what it does now.

import { type Capacity, ratePerWorker } from "../../capacity/capacity.js";
import { Pace, type Runs } from "./pace.js";

/** The speed of one node, this one or a peer. Times are monotonic milliseconds. */
export class Speed {
  /** Work units per millisecond of one worker as measured; a node that was not measured counts as the reference machine. */
  capacityRate = 1;
  /** See {@link Pace}, as of the last look at it, times the usual factor: what it does now against its benchmark. */
  pace = 1;
  /** Work units per millisecond of one worker now. */
  rate = 1;
  /**
   * Geometric mean, by run time, of how many times faster than by its pace it runs the functions that it runs: what is common to them
   * is no property of theirs.
   */
  usualFactor = 1;
  #logFactor = 0;
  readonly #pace: Pace;

  constructor(now: number) {
    this.#pace = new Pace(now);
  }

  /** It was measured. */
  measured(capacity: Capacity | undefined): void {
    this.capacityRate = capacity === undefined ? 1 : ratePerWorker(capacity);
    this.rate = this.capacityRate * this.pace;
  }

  /** It ran some calls. */
  ran(runs: Runs, now: number): void {
    this.#pace.add(runs, now);
  }

  /** It ran a function so many times faster than by its pace, for so long. */
  didAt(factor: number, ranMs: number): void {
    this.#logFactor += (Math.log(factor) - this.#logFactor) * (ranMs / (ranMs + usualMs));
    this.usualFactor = Math.exp(this.#logFactor);
  }

  /** Looks at the pace anew. */
  look(now: number): void {
    this.pace = this.#pace.at(now) * this.usualFactor;
    this.rate = this.capacityRate * this.pace;
  }
}

/** What a node usually runs is what it ran in about so long. */
const usualMs = 4_000;
