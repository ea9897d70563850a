// The port through which the profiler runs kernels in a sandbox.

import type { Kernel } from "./capacity.js";

/** The times of one kernel call, ms: `runMs` in its worker, `waitMs` on the way there and back. */
export interface KernelRun {
  readonly waitMs: number;
  readonly runMs: number;
}

/** One request to a {@link KernelRunner}. */
export interface KernelCalls {
  /** Iterations of a call; at 0 the kernel only sets up its data. */
  readonly iterations: number;
  /** Calls that run at the same time, each on a worker of its own. */
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
}

/** Runs kernels; may first wait until the machine is free. */
export interface KernelRunner {
  /** The number of workers that are measured. */
  readonly workers: number;
  /** One entry a worker. Rejects with the signal's reason, or with the sandbox's error. */
  run(kernel: Kernel, calls: KernelCalls): Promise<readonly KernelRun[]>;
}
