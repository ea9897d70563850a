// The few statistics that the benchmarks quote.

import type { Estimate } from "../src/cli/chart.js";

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
 * The median and its 95 % interval by order statistics (Conover, Practical Nonparametric Statistics, 3.2), whatever the values'
 * distribution. Fewer than six values have no such interval: theirs is from the least to the greatest (94 % of five).
 */
export function estimateOf(values: readonly number[]): Required<Estimate> {
  const sorted = Float64Array.from(values).sort();
  const half = 0.98 * Math.sqrt(sorted.length);
  const first = Math.max(0, Math.floor(sorted.length / 2 - half));
  const last = Math.min(sorted.length - 1, Math.ceil(sorted.length / 2 + half) - 1);
  const at = (index: number): number => rounded(sorted[index] ?? Number.NaN);
  return { value: rounded(median(values)), low: at(first), high: at(last) };
}
