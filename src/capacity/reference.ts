// The reference machine, fixed for good: what a work unit is.

import type { Kernel } from "./capacity.js";

/**
 * Nanoseconds that one iteration of each kernel of `bench/kernels` takes on one worker of the reference machine, which
 * so makes 1,000 units a second in each: an AMD EPYC (Zen 4, 2.6 GHz nominal, virtual, two cores) under Node 20.20.2.
 * Each is the median of three full profiles of one worker, made while nothing else ran there. They stay as they are
 * when a kernel's source does: a change of either changes what every capacity means.
 */
export const referenceNs: { readonly [kernel in Kernel]: number } = {
  integer: 132,
  float: 114,
  memory: 4_490,
  allocation: 12_300,
  hashing: 6_490,
  matrix: 250_000,
};
