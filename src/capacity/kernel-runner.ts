// What the profiler needs of a sandbox: a kernel, so many times, on so many workers at once.

import type { Kernel } from "./capacity.js";

/** One kernel call, in milliseconds: `runMs` in its worker, `waitMs` on the way there and back. */
export interface KernelRun {
  readonly waitMs: number;
  readonly runMs: number;
}

/** One request to a {@link KernelRunner}. */
export interface KernelCalls {
  /** With none, the kernel only makes what it works on. */
  readonly iterations: number;
  /** Calls of that size that run at the same time, each on a worker of its own. */
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
}

/** Runs kernels. It may wait before it does, until the machine is free for it. */
export interface KernelRunner {
  /** The workers that are measured. */
  readonly workers: number;
  /** One entry a worker. Rejects with the signal's reason, and with what the sandbox says. */
  run(kernel: Kernel, calls: KernelCalls): Promise<readonly KernelRun[]>;
}
