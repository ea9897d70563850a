// The metric of a node's capacity.

import type { Metrics } from "../core/metrics.js";
import { type CapacitySource, kernels } from "./capacity.js";

/** Registers `herd_capacity`. */
export function registerCapacity(metrics: Metrics, source: Pick<CapacitySource, "current">): void {
  const help =
    "Work units per second of all workers by kernel, the reference machine's worker makes 1000; 0 until measured.";
  metrics.gauge({ name: "herd_capacity", help, labels: ["kernel"] }, () =>
    kernels.map((kernel) => [[kernel], source.current?.kernels[kernel] ?? 0] as const),
  );
}
