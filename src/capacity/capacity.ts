// What a node can do, as it is told to peers: work units per second against a fixed reference, by kernel and overall.

/**
 * What is measured. A work unit is what one worker of the reference machine does in a millisecond, in each kernel; so
 * one worker there makes 1,000 units a second.
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

/** Where the capacity of this node is read: undefined until it was measured. */
export interface CapacitySource {
  readonly current: Capacity | undefined;
  /** Calls `listener` after each change; the returned function ends that. */
  watch(listener: (capacity: Capacity) => void): () => void;
}

/** Of a node that is never measured: peers take it for the reference machine. */
export const unknownCapacity: CapacitySource = { current: undefined, watch: () => () => undefined };

/** Bounds of what a peer may claim, in units per second: wider than any machine, narrow enough for arithmetic. */
const least = 1e-3;
const most = 1e9;
/** No node has more workers. */
export const maxWorkers = 1_024;
/** The rates of a worker that are believed: what is told beyond them counts as the nearest. */
const slowestRate = 1 / 1_024;
const fastestRate = 64;

/**
 * A capacity as peers are told it: workers, units per second overall, and of each of {@link kernels} in their order.
 */
export function encodeCapacity({ workers, overall, kernels: each }: Capacity): number[] {
  return [workers, overall, ...kernels.map((kernel) => each[kernel])];
}

/**
 * The capacity that a peer told; undefined when it is none. Kernels that are not known here may follow the known ones.
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

/**
 * Work units that one worker does in a millisecond; from a thousandth of the reference machine's to 64 times as many.
 */
export function ratePerWorker({ overall, workers }: Pick<Capacity, "overall" | "workers">): number {
  return Math.max(slowestRate, Math.min(fastestRate, overall / workers / 1_000));
}
