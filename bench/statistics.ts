// The few statistics that the benchmarks quote.

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
