// GET and PUT /v1/policy: the owner's policy of this node, and a pause.

import * as api from "../../api/policy.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import type { Owner } from "../ports.js";

/** Dependencies of the endpoints of the policy. */
export interface PolicyOptions {
  readonly owner: Owner;
  readonly node: { readonly name: string };
}

/**
 * Shows the whole policy of the asked node, and changes the settings that a body names. `null` resets a setting to
 * the value of the node's configuration.
 */
export function policyEndpoints({ owner, node }: PolicyOptions): Endpoint[] {
  return [
    endpoint(api.showPolicy, { handle: () => ok(policyView(owner, node.name)) }),
    endpoint(api.changePolicy, {
      async handle({ body: { pausedUntil, ...patch } }) {
        await owner.update({ ...patch, ...(pausedUntil === undefined ? {} : { pausedUntil: epochMs(pausedUntil) }) });
        return ok(policyView(owner, node.name));
      },
    }),
  ];
}

function epochMs(until: string | null): number | null {
  if (until === null) return null;
  return until === "forever" ? Number.POSITIVE_INFINITY : Date.parse(until);
}

/** The policy, the signals of the machine, and the allowance that follows from both. */
export function policyView(owner: Owner, node: string): api.Policy {
  const { state, slots, idleClass, lightUnits } = owner.current;
  const { signals } = owner;
  const until = owner.pausedUntil;
  return {
    node,
    settings: owner.policy,
    state,
    slots,
    idleClass,
    lightUnits: Number.isFinite(lightUnits) ? lightUnits : null,
    signals: {
      onBattery: signals.onBattery ?? null,
      celsius: signals.celsius ?? null,
      ownerActive: signals.ownerActive ?? null,
      ownerIdleMs: signals.ownerIdleMs ?? null,
      headless: signals.headless ?? null,
      foreignCpu: signals.foreignCpu ?? null,
      rssBytes: signals.rssBytes ?? null,
      totalBytes: signals.totalBytes ?? null,
    },
    pausedUntil: until === undefined ? null : Number.isFinite(until) ? new Date(until).toISOString() : "forever",
  };
}
