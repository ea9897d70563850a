// Measurements of a simulated mesh.

import { averageSlots, type Scenario } from "./scenario.js";
import type { SimCall, SimEnd } from "./sim-call.js";
import type { SimNode } from "./sim-node.js";

/** Result of one run. Times are milliseconds from a call's arrival at its node until its client has the answer. */
export interface RunResult {
  /** Measured calls, and those of them that failed. */
  readonly calls: number;
  readonly failed: number;
  /** Times of calls that did not fail. */
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Messages between nodes, of all kinds, per call. */
  readonly messagesPerCall: number;
  /** Share of the calls that ran at their own node. */
  readonly local: number;
  /**
   * The largest difference, over nodes, between the share of the work that a node did and its share of what all could
   * do; in points.
   */
  readonly shareDeviation: number;
  /** Calls that never ended: there must be none. */
  readonly open: number;
}

/** The measures of one run. */
export class Measures {
  readonly #scenario: Scenario;
  readonly #tookMs: number[] = [];
  #before: readonly number[] = [];
  #done: readonly number[] = [];
  #calls = 0;
  #all = 0;
  #failed = 0;
  #local = 0;
  messages = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  /** Counts the end of a call; every call ends here, once. */
  ended(call: SimCall, { end, tookMs }: { end: SimEnd; tookMs: number }): void {
    this.#all++;
    if (call.arrivedMs < this.#scenario.warmUpMs) return;
    this.#calls++;
    if (call.at === call.entry) this.#local++;
    if (end === "failed") this.#failed++;
    else this.#tookMs.push(tookMs);
  }

  /** Ends the warm-up. */
  from(nodes: readonly SimNode[]): void {
    this.#before = nodes.map(({ doneUnits }) => doneUnits);
  }

  /** Ends the arrival of calls. */
  to(nodes: readonly SimNode[]): void {
    this.#done = nodes.map(({ doneUnits }, index) => doneUnits - (this.#before[index] ?? 0));
  }

  /** Returns the measures. */
  result(open: number): RunResult {
    const sorted = Float64Array.from(this.#tookMs).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
    return {
      calls: this.#calls,
      failed: this.#failed,
      mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
      p50: at(0.5),
      p99: at(0.99),
      p999: at(0.999),
      messagesPerCall: this.messages / this.#all,
      local: this.#local / this.#calls,
      shareDeviation: this.#shareDeviation(),
      open,
    };
  }

  #shareDeviation(): number {
    const { machines, warmUpMs, durationMs } = this.#scenario;
    const window = { fromMs: warmUpMs, toMs: durationMs };
    const weights = machines.map((machine) => machine.speed * averageSlots(machine, window));
    const weight = weights.reduce((sum, value) => sum + value, 0);
    const work = this.#done.reduce((sum, value) => sum + value, 0);
    const deviations = weights.map((value, index) => Math.abs(value / weight - (this.#done[index] ?? 0) / work));
    return 100 * Math.max(...deviations);
  }
}

/** A mean over seeds, and half the width of its 95 % interval (Student's t). */
export interface Interval {
  readonly mean: number;
  readonly plusMinus: number;
}

/** Two-sided 95 % quantiles of Student's t for 1, 2, ... degrees of freedom. */
const studentT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
];

/** The interval of the mean of independent values. */
export function intervalOf(values: readonly number[]): Interval {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, plusMinus: Number.NaN };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { mean, plusMinus: (studentT[count - 2] ?? 2) * Math.sqrt(variance / count) };
}
