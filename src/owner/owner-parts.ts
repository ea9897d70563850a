// The owner of the machine: the governor that decides what guests may use.

import { availableParallelism } from "node:os";
import type { Config } from "../core/config.js";
import type { Logger } from "../core/log.js";
import type { Metrics } from "../core/metrics.js";
import type { StateFiles } from "../storage/state-files.js";
import { Governor, type GovernorOptions } from "./governor.js";
import { MachineSignals } from "./machine-signals.js";
import { registerAllowance } from "./owner-metrics.js";
import { openPolicyStore } from "./policy-store.js";

/** What the governor is built from. */
interface OwnerContext extends Pick<GovernorOptions, "clock" | "timers"> {
  readonly config: Pick<Config, "policy" | "workers" | "kernel">;
  /** The node's state. */
  readonly identity: { files(scope: string): Promise<StateFiles> };
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Builds the governor; it looks at nothing yet. */
export async function ownerGovernor(
  { config, identity, clock, timers, log, metrics }: OwnerContext,
  { alone }: Pick<GovernorOptions, "alone">,
): Promise<Governor> {
  const governor = new Governor({
    defaults: config.policy,
    workers: config.workers,
    store: await openPolicyStore(await identity.files("owner"), log),
    signals: new MachineSignals({ kernel: config.kernel, clock }),
    cores: availableParallelism(),
    alone,
    clock,
    timers,
  });
  registerAllowance(metrics, governor);
  return governor;
}
