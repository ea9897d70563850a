// Load at one server, with the processor time that the server took for it.
import type { LoadGenerator, LoadOptions, LoadResult } from "./load.js";
import { type CpuPerCall, cpuPerCall, threadTimes } from "./thread-cpu.js";

/** A run of load at a server on this machine. */
export interface MeasuredLoad extends LoadResult {
  readonly cpu: CpuPerCall;
}

/** Runs load at the server whose process is `pid`. Throws when a call failed. */
export async function measuredLoad(
  generator: LoadGenerator,
  options: LoadOptions & { readonly pid: number },
): Promise<MeasuredLoad> {
  const { pid, url, seconds } = options;
  const before = await threadTimes(pid);
  const load = await generator.run(options);
  if (load.failed > 0) throw new Error(`${load.failed} calls of ${url} failed`);
  const after = await threadTimes(pid);
  return { ...load, cpu: cpuPerCall(pid, { before, after, calls: load.callsPerSecond * seconds }) };
}
