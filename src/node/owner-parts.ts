// The owner of the machine: the governor that decides what guests may use.

import { availableParallelism } from "node:os";
import type { Membership } from "../mesh/membership/members.js";
import { Governor } from "../owner/governor.js";
import { MachineSignals } from "../owner/machine-signals.js";
import { registerAllowance } from "../owner/owner-metrics.js";
import { openPolicyStore } from "../owner/policy-store.js";
import type { NodeContext } from "./node-context.js";

/** Builds the governor; it looks at nothing yet. */
export async function ownerGovernor(
  { config, identity, clock, timers, log, metrics }: NodeContext,
  { members }: { readonly members: Pick<Membership, "all"> },
): Promise<Governor> {
  const governor = new Governor({
    defaults: config.policy,
    workers: config.workers,
    store: await openPolicyStore(await identity.files("owner"), log),
    signals: new MachineSignals({ kernel: config.kernel, clock }),
    cores: availableParallelism(),
    // A node that drains, sleeps or is gone takes no calls.
    alone: () => !members.all().some(({ state }) => state === "alive" || state === "suspect"),
    clock,
    timers,
  });
  registerAllowance(metrics, governor);
  return governor;
}
