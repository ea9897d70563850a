// The metrics of the allowance.

import type { Metrics } from "../core/metrics.js";
import { type AllowanceSource, ownerStates } from "./allowance.js";

/** Registers `herd_owner_state` and `herd_slots_allowed`. */
export function registerAllowance(metrics: Metrics, allowances: Pick<AllowanceSource, "current">): void {
  metrics.gauge({ name: "herd_owner_state", help: "1 for the owner's state.", labels: ["state"] }, () =>
    ownerStates.map((state) => [[state], allowances.current.state === state ? 1 : 0] as const),
  );
  metrics.gauge(
    { name: "herd_slots_allowed", help: "Workers that the owner leaves to guests." },
    () => allowances.current.slots,
  );
}
