// Calls a second by the number of workers and of connections, and where the main thread is the limit.

import { join } from "node:path";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import type { LoadGenerator } from "./load.js";
import { measuredLoad } from "./measured-load.js";
import { startNode } from "./processes.js";
import { alternate, estimated } from "./rounds.js";

const workerCounts = [1, 2, 4, 8];
const rounds = 3;
const seconds = 2;

/** One node at one number of connections. */
export interface WorkerCount {
  readonly workers: number;
  readonly connections: number;
  readonly callsPerSecond: Estimate;
  readonly p99Ms: Estimate;
  /** Processor time of the main thread a call, µs: a million by this is the most that it can carry a second. */
  readonly mainMicros: Estimate;
}

/** Where and with what to measure. */
export interface WorkerCountOptions {
  /** For the nodes' state. */
  readonly folder: string;
  readonly functions: string;
  /** Of each node. */
  readonly settings: object;
  readonly generator: LoadGenerator;
  readonly connectionCounts: readonly number[];
}

/** One node after the other, since even idle ones take memory; takes two minutes. */
export async function measureWorkerCounts(options: WorkerCountOptions): Promise<WorkerCount[]> {
  const { folder, functions, settings, generator, connectionCounts } = options;
  const measured: WorkerCount[] = [];
  for (const workers of workerCounts) {
    const node = await startNode(join(folder, `workers-${workers}`), { functions, workers, settings });
    try {
      for (const connections of connectionCounts) {
        const call = { ...node, url: `${node.url}/fn/bench/add`, body: "[19,23]", connections, seconds };
        const { runs } = await alternate(rounds, { runs: () => measuredLoad(generator, call) });
        measured.push({
          workers,
          connections,
          callsPerSecond: estimated(runs, (run) => run.callsPerSecond),
          p99Ms: estimated(runs, (run) => run.p99),
          mainMicros: estimated(runs, ({ cpu }) => cpu.main),
        });
      }
    } finally {
      await node.stop();
    }
  }
  return measured;
}

/** A picture of {@link measureWorkerCounts}. */
export function workerCountPanel(counts: readonly WorkerCount[]): BarPanel {
  const connections = [...new Set(counts.map((one) => one.connections))];
  return {
    kind: "bars",
    title: "Throughput by workers",
    yLabel: "calls/s",
    categories: connections.map((count) => `${count} connection${count === 1 ? "" : "s"}`),
    series: [...new Set(counts.map(({ workers }) => workers))].map((workers) => ({
      name: `${workers} worker${workers === 1 ? "" : "s"}`,
      values: connections.map(
        (count) => counts.find((one) => one.workers === workers && one.connections === count)?.callsPerSecond,
      ),
    })),
  };
}
