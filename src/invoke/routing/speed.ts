// Speed of one worker of a node: its benchmark times its current pace.

import { type Capacity, ratePerWorker } from "../../capacity/capacity.js";
import { Pace, type Runs } from "./pace.js";

/** The speed of one node, this one or a peer. Times are monotonic milliseconds. */
export class Speed {
  /**
   * Work units per millisecond of one worker as measured; a node without a measurement counts as the reference machine.
   */
  capacityRate = 1;
  /** Speed now relative to the benchmark: {@link Pace} at the last refresh, times the usual factor. */
  pace = 1;
  /** Work units per millisecond of one worker now. */
  rate = 1;
  /**
   * Geometric mean, weighted by run time, of the ratios by which single functions run faster than the pace predicts: a
   * ratio that all functions of a node share is a property of the node and not of the functions.
   */
  usualFactor = 1;
  #logFactor = 0;
  readonly #pace: Pace;

  constructor(now: number) {
    this.#pace = new Pace(now);
  }

  /** Takes a measured capacity. */
  measured(capacity: Capacity | undefined): void {
    this.capacityRate = capacity === undefined ? 1 : ratePerWorker(capacity);
    this.rate = this.capacityRate * this.pace;
  }

  /** Counts runs of calls. */
  ran(runs: Runs, now: number): void {
    this.#pace.add(runs, now);
  }

  /** Counts a function's runs, with the ratio by which they were faster than the pace predicts, and their time. */
  didAt(factor: number, ranMs: number): void {
    this.#logFactor += (Math.log(factor) - this.#logFactor) * (ranMs / (ranMs + usualMs));
    this.usualFactor = Math.exp(this.#logFactor);
  }

  /** Refreshes the pace. */
  refresh(now: number): void {
    this.pace = this.#pace.at(now) * this.usualFactor;
    this.rate = this.capacityRate * this.pace;
  }
}

/** Time constant of the usual factor, in milliseconds of runs. */
const usualMs = 4_000;
