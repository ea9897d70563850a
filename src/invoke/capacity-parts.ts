// The capacity of a node: measured in the sandbox that runs its calls, kept in its state.

import { prepare } from "../../runtime/sandbox/prepare/prepare.js";
import type { Sandbox } from "../../runtime/sandbox/sandbox.js";
import { type CapacitySource, unknownCapacity } from "../capacity/capacity.js";
import { registerCapacity } from "../capacity/capacity-metrics.js";
import { processCpuMs } from "../capacity/contention.js";
import { IdleProfiler, type IdleProfilerOptions } from "../capacity/idle-profiler.js";
import { kernelsDigest, readyKernels } from "../capacity/kernel-calls.js";
import type { Config } from "../core/config.js";
import type { Part } from "../core/lifecycle.js";
import { defaultLimits } from "../core/limits.js";
import type { Metrics } from "../core/metrics.js";
import type { Identity } from "../pki/identity/identity.js";

/** What the part is built from. */
interface CapacityContext extends Pick<IdleProfilerOptions, "clock" | "timers" | "random" | "log"> {
  readonly config: Pick<Config, "profile" | "workers">;
  readonly identity: Pick<Identity, "files">;
  readonly metrics: Metrics;
}

/** Where the capacity is read, and the part that measures it once the node serves. */
interface CapacityParts {
  readonly source: CapacitySource;
  readonly part: Part;
}

/** Builds the part; with `profile: false` nothing is ever measured. */
export async function capacityParts(
  { config, clock, timers, random, identity, log, metrics }: CapacityContext,
  { sandbox, isDeploying }: { readonly sandbox: Sandbox; readonly isDeploying: () => boolean },
): Promise<CapacityParts> {
  if (!config.profile) return { source: unknownCapacity, part: { name: "capacity" } };
  const kernelSandbox = {
    prepare: (component: Uint8Array, revision: string) => prepare(component, { revision, limits: defaultLimits }),
    run: (call: Parameters<Sandbox["run"]>[0]) => sandbox.run(call),
    forget: (revision: string) => sandbox.forget(revision),
  };
  const profiler = new IdleProfiler({
    workers: config.workers,
    load: () => ({ ...sandbox.stats(), deploying: isDeploying() }),
    cpuMs: processCpuMs,
    digest: () => kernelsDigest(),
    kernels: () => readyKernels(kernelSandbox, { clock }),
    files: await identity.files("capacity"),
    clock,
    timers,
    random,
    log,
  });
  registerCapacity(metrics, profiler);
  return { source: profiler, part: { name: "capacity", start: () => profiler.start(), stop: () => profiler.stop() } };
}
