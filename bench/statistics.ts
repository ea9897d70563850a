// Statistics for the benchmarks.

import { medianInterval } from "../src/capacity/estimate.js";
import type { Estimate } from "../src/cli/bench/chart.js";

/** The value below which the share `p` (0 to 1) of `values` lies; NaN of none. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}

/** The middle of `values`. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** `value` with three significant digits: more are noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/**
 * The median and its 95 % interval, see {@link medianInterval}. Fewer than six values have none: their interval is from
 * the least to the greatest (94 % of five).
 */
export function estimateOf(values: readonly number[]): Required<Estimate> {
  const { low, high } = medianInterval(values) ?? { low: percentile(values, 0), high: percentile(values, 1) };
  return { value: rounded(median(values)), low: rounded(low), high: rounded(high) };
}
