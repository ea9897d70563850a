// A histogram with fixed bounds: observing costs one short search and three additions.

/** The upper bounds of a histogram's buckets, rising; a last bucket without bound is always there. */
export interface HistogramOptions {
  readonly buckets: readonly number[];
}

/** Bounds for durations in seconds, from a scalar call's tens of microseconds to the deadline's seconds. */
export const secondsBuckets: readonly number[] = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Counts of observed values by bucket, with their sum. */
export class Histogram {
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  constructor(options: HistogramOptions) {
    this.#bounds = Float64Array.from(options.buckets);
    for (let index = 1; index < this.#bounds.length; index++) {
      const rises = (this.#bounds[index] ?? 0) > (this.#bounds[index - 1] ?? 0);
      if (!rises) throw new TypeError("a histogram's bounds must rise");
    }
    this.#counts = new Float64Array(this.#bounds.length + 1);
  }

  /** Counts one value; NaN is not counted. */
  observe(value: number): void {
    if (Number.isNaN(value)) return;
    let index = 0;
    while (index < this.#bounds.length && value > (this.#bounds[index] ?? 0)) index++;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += value;
    this.#count++;
  }

  /** Sum of the observed values. */
  get sum(): number {
    return this.#sum;
  }

  /** Number of observed values. */
  get count(): number {
    return this.#count;
  }

  /** Each bound with the number of values up to it, the last bound infinite. */
  cumulative(): [bound: number, count: number][] {
    let total = 0;
    return Array.from(this.#counts, (count, index) => {
      total += count;
      return [this.#bounds[index] ?? Number.POSITIVE_INFINITY, total];
    });
  }
}
