// The reference machine, fixed for good, which defines the work unit.

import type { Kernel } from "./capacity.js";

/**
 * Nanoseconds of one iteration of each kernel of `bench/kernels` on one worker of the reference machine, which by
 * definition makes 1,000 units a second in each kernel: an AMD EPYC (Zen 4, 2.6 GHz nominal, virtual, two cores) under
 * Node 20.20.2. Each value is the median of three full profiles of one worker, made while nothing else ran there.
 * Neither these values nor a kernel's source may change, since every capacity would then mean something else.
 */
export const referenceNs: { readonly [kernel in Kernel]: number } = {
  integer: 132,
  float: 114,
  memory: 4_490,
  allocation: 12_300,
  hashing: 6_490,
  matrix: 250_000,
};
