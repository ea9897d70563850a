// The capacity of a node: measured in the sandbox that runs its calls, kept in its state.

import type { Sandbox } from "../../runtime/sandbox/sandbox.js";
import { type Capacity, type CapacitySource, kernels } from "../capacity/capacity.js";
import { OwnCapacity, type ReadyKernels } from "../capacity/own-capacity.js";
import type { Part } from "../core/lifecycle.js";
import { KernelsInSandbox, prepareKernels } from "./kernel-calls.js";
import type { NodeContext } from "./node-context.js";

/** What tells the capacity, and the part that finds it out once the node serves. */
export interface CapacityParts {
  readonly source: CapacitySource;
  readonly part: Part;
}

/** Builds the part; with `profile: false` nothing is ever measured, and peers take the node for the reference machine. */
export async function capacityParts(
  context: NodeContext,
  { sandbox, isDeploying }: { readonly sandbox: Sandbox; readonly isDeploying: () => boolean },
): Promise<CapacityParts> {
  const { config, clock, timers, random, identity, log, metrics } = context;
  if (!config.profile) return { source: unknownCapacity, part: { name: "capacity" } };
  const own = new OwnCapacity({
    ...{ workers: config.workers, clock, timers, random, log },
    load: () => ({ ...sandbox.stats(), deploying: isDeploying() }),
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    kernels: () => readyKernels(context, sandbox),
    files: await identity.files("capacity"),
  });
  const help =
    "Work units per second of all workers by kernel, the reference machine's worker makes 1000; 0 until measured.";
  metrics.gauge({ name: "herd_capacity", help, labels: ["kernel"] }, () =>
    kernels.map((kernel) => [[kernel], own.current?.kernels[kernel] ?? 0] as const),
  );
  return { source: own, part: { name: "capacity", start: () => own.start(), stop: () => own.stop() } };
}

/** Of a node that was not measured. */
const unknownCapacity: CapacitySource = {
  current: undefined,
  watch: (_listener: (capacity: Capacity) => void) => () => undefined,
};

async function readyKernels({ clock }: NodeContext, sandbox: Sandbox): Promise<ReadyKernels> {
  const prepared = await prepareKernels();
  return {
    digest: prepared.digest,
    runner: (workers) => new KernelsInSandbox({ sandbox, kernels: prepared, workers, clock }),
    release: () => {
      for (const { revision } of Object.values(prepared.prepared)) sandbox.forget(revision);
    },
  };
}
