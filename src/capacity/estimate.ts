// An estimate of a rate from repeated samples: the median, which outliers do not move, and its confidence interval.

/** The estimate of a rate that was measured several times. */
export interface Estimate {
  /** Work units per second. */
  readonly unitsPerSecond: number;
  /**
   * Half the width of the median's 95 % confidence interval, as a share of the median; infinite for fewer than six
   * samples.
   */
  readonly spread: number;
  readonly samples: number;
}

const confidence = 0.95;

/** The median of `values`: of an even number, the mean of the middle two; NaN of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2;
}

/**
 * The 95 % confidence interval of the median of the sampled distribution, by order statistics, which assume no shape of
 * the distribution (Conover, Practical Nonparametric Statistics, 3.2). Undefined for fewer than six samples, which
 * allow none.
 */
export function medianInterval(values: readonly number[]): { readonly low: number; readonly high: number } | undefined {
  const rank = intervalRank(values.length);
  if (rank === undefined) return undefined;
  const sorted = [...values].sort((left, right) => left - right);
  return { low: sorted[rank] ?? Number.NaN, high: sorted[values.length - 1 - rank] ?? Number.NaN };
}

/** Median and spread of samples in units per second. */
export function estimateOf(values: readonly number[]): Estimate {
  const median = medianOf(values);
  const interval = medianInterval(values);
  const spread = interval === undefined ? Number.POSITIVE_INFINITY : (interval.high - interval.low) / 2 / median;
  return { unitsPerSecond: median, spread, samples: values.length };
}

/**
 * The geometric mean of independent estimates, in which no kernel counts more than another. The spread is that of the
 * mean of their logarithms.
 */
export function geometricMean(estimates: readonly Estimate[]): Estimate {
  const count = estimates.length;
  const logarithm = estimates.reduce((sum, { unitsPerSecond }) => sum + Math.log(unitsPerSecond), 0) / count;
  const squares = estimates.reduce((sum, { spread }) => sum + spread ** 2, 0);
  return {
    unitsPerSecond: Math.exp(logarithm),
    spread: Math.sqrt(squares) / count,
    samples: estimates.reduce((sum, { samples }) => sum + samples, 0),
  };
}

/**
 * The largest index from either end between which the median still lies with {@link confidence}: the binomial tail with
 * p = 1/2.
 */
function intervalRank(count: number): number | undefined {
  let probability = 0.5 ** count;
  let below = probability;
  let rank: number | undefined;
  for (let index = 0; below <= (1 - confidence) / 2 && index < count / 2; index++) {
    rank = index;
    probability *= (count - index) / (index + 1);
    below += probability;
  }
  return rank;
}
