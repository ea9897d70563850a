// The capacity of a node as peers receive it: work units per second against a fixed reference, by kernel and overall.

/**
 * The benchmark kernels. A work unit is the work of one worker of the reference machine in a millisecond, in each
 * kernel; such a worker makes 1,000 units a second.
 */
export const kernels = ["integer", "float", "memory", "allocation", "hashing", "matrix"] as const;

/** One of {@link kernels}. */
export type Kernel = (typeof kernels)[number];

/** The capacity of a node with all its workers busy. */
export interface Capacity {
  /** Work units per second of all workers together: the geometric mean over the kernels. */
  readonly overall: number;
  /** The same of each kernel. */
  readonly kernels: { readonly [kernel in Kernel]: number };
  /** The number of workers with which it was measured. */
  readonly workers: number;
}

/** Where the capacity of this node is read: undefined until it was measured. */
export interface CapacitySource {
  readonly current: Capacity | undefined;
  /** Calls `listener` after each change; the returned function ends that. */
  watch(listener: (capacity: Capacity) => void): () => void;
}

/** For a node that is never measured: peers count it as the reference machine. */
export const unknownCapacity: CapacitySource = { current: undefined, watch: () => () => undefined };

/** Bounds of what a peer may claim, in units per second: wider than any machine, narrow enough for arithmetic. */
const least = 1e-3;
const most = 1e9;
/** The most workers of a node. */
export const maxWorkers = 1_024;
/**
 * The rates of a worker, in units per ms, that are accepted from peers; a rate beyond counts as the nearest of these.
 */
const slowestRate = 1 / 1_024;
const fastestRate = 64;

/** A capacity as it is sent: workers, units per second overall, and of each of {@link kernels} in their order. */
export function encodeCapacity({ workers, overall, kernels: each }: Capacity): number[] {
  return [workers, overall, ...kernels.map((kernel) => each[kernel])];
}

/**
 * The capacity in a peer's message; undefined when there is none. Kernels of a later version may follow the known ones.
 */
export function decodeCapacity(value: unknown): Capacity | undefined {
  if (!Array.isArray(value) || value.length < 2 + kernels.length || value.length > 64) return undefined;
  const [workers, overall, ...rest] = value as unknown[];
  if (!Number.isInteger(workers) || (workers as number) < 1 || (workers as number) > maxWorkers) return undefined;
  const rates = [overall, ...rest.slice(0, kernels.length)];
  if (!rates.every(isRate)) return undefined;
  const entries = kernels.map((kernel, index) => [kernel, rest[index]]);
  return { workers: workers as number, overall: overall as number, kernels: Object.fromEntries(entries) };
}

function isRate(value: unknown): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

/** Work units per ms of one worker, clamped to 1/1024 and 64 times the reference machine's. */
export function ratePerWorker({ overall, workers }: Pick<Capacity, "overall" | "workers">): number {
  return Math.max(slowestRate, Math.min(fastestRate, overall / workers / 1_000));
}
