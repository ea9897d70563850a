// Random times, amounts of work and places, each from a source of numbers in [0, 1).

import type { Random } from "../../src/core/timers.js";

/** Draws a value. */
export type Draw = (random: Random) => number;

/** Exponential: the gaps of a Poisson process, or a memoryless service. */
export function exponential(mean: number): Draw {
  return (random) => -mean * Math.log(1 - random());
}

/** Log-normal of that mean; `sigma` is the standard deviation of the logarithm. */
export function logNormal(mean: number, sigma: number): Draw {
  const mu = Math.log(mean) - (sigma * sigma) / 2;
  return (random) => Math.exp(mu + sigma * normal(random));
}

/** Pareto of that shape between two bounds. Bounded, so that its mean is one and no seed decides it. */
export function pareto(shape: number, { low, high }: { low: number; high: number }): Draw {
  const least = (low / high) ** shape;
  return (random) => low / (1 - random() * (1 - least)) ** (1 / shape);
}

/** The mean of {@link pareto}. */
export function paretoMean(shape: number, { low, high }: { low: number; high: number }): number {
  const least = (low / high) ** shape;
  return (low ** shape / (1 - least)) * (shape / (shape - 1)) * (low ** (1 - shape) - high ** (1 - shape));
}

/** An index, drawn in proportion to its weight. */
export function weighted(weights: readonly number[]): Draw {
  let total = 0;
  const sums = weights.map((weight) => {
    total += weight;
    return total;
  });
  return (random) => {
    const point = random() * total;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) > point) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Zipf's weights 1, 1/2^s, 1/3^s ... in random order. */
export function zipf(count: number, { skew, random }: { skew: number; random: Random }): number[] {
  const weights = Array.from({ length: count }, (_, rank) => (rank + 1) ** -skew);
  return shuffled(weights, random);
}

/** The same items in random order. */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  for (let index = left.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [left[index], left[other]] = [left[other] as Item, left[index] as Item];
  }
  return left;
}

/** Box and Muller 1958, one of the two. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
