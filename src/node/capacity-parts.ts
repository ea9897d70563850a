// The capacity of a node: measured in the sandbox that runs its calls, kept in its state.

import { prepare } from "../../runtime/sandbox/prepare/prepare.js";
import type { Sandbox } from "../../runtime/sandbox/sandbox.js";
import { type CapacitySource, unknownCapacity } from "../capacity/capacity.js";
import { registerCapacity } from "../capacity/capacity-metrics.js";
import { processCpuMs } from "../capacity/contention.js";
import { readyKernels } from "../capacity/kernel-calls.js";
import { OwnCapacity } from "../capacity/own-capacity.js";
import type { Part } from "../core/lifecycle.js";
import { defaultLimits } from "../core/limits.js";
import type { NodeContext } from "./node-context.js";

/** Where the capacity is read, and the part that measures it once the node serves. */
interface CapacityParts {
  readonly source: CapacitySource;
  readonly part: Part;
}

/** Builds the part; with `profile: false` nothing is ever measured. */
export async function capacityParts(
  { config, clock, timers, random, identity, log, metrics }: NodeContext,
  { sandbox, isDeploying }: { readonly sandbox: Sandbox; readonly isDeploying: () => boolean },
): Promise<CapacityParts> {
  if (!config.profile) return { source: unknownCapacity, part: { name: "capacity" } };
  const kernelSandbox = {
    prepare: (component: Uint8Array, revision: string) => prepare(component, { revision, limits: defaultLimits }),
    run: (call: Parameters<Sandbox["run"]>[0]) => sandbox.run(call),
    forget: (revision: string) => sandbox.forget(revision),
  };
  const own = new OwnCapacity({
    workers: config.workers,
    load: () => ({ ...sandbox.stats(), deploying: isDeploying() }),
    cpuMs: processCpuMs,
    kernels: () => readyKernels(kernelSandbox, { clock }),
    files: await identity.files("capacity"),
    clock,
    timers,
    random,
    log,
  });
  registerCapacity(metrics, own);
  return { source: own, part: { name: "capacity", start: () => own.start(), stop: () => own.stop() } };
}
