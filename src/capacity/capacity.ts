// What a node can do, as it is told to peers: work units per second against a fixed reference, by kernel and overall.

/**
 * What is measured. A work unit is what one worker of the reference machine does in a millisecond, in each kernel; so one worker
 * there makes 1,000 units a second.
 */
export const kernels = ["integer", "float", "memory", "allocation", "hashing", "matrix"] as const;

/** One of {@link kernels}. */
export type Kernel = (typeof kernels)[number];

/** The capacity of a node while all its workers work. */
export interface Capacity {
  /** Work units per second of all workers together: the geometric mean of the kernels'. */
  readonly overall: number;
  /** The same of each kernel. */
  readonly kernels: { readonly [kernel in Kernel]: number };
  /** Workers that it was measured with. */
  readonly workers: number;
}

/** Work units that one worker does in a millisecond. */
export function ratePerWorker({ overall, workers }: Pick<Capacity, "overall" | "workers">): number {
  return overall / workers / 1_000;
}
