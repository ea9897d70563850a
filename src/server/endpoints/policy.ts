// GET and PUT /v1/policy: what the owner of this node's machine allows, and a pause.

import * as api from "../../api/policy.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import type { Owner } from "../ports.js";

/** What the endpoints of the owner work with. */
export interface PolicyOptions {
  readonly owner: Owner;
  readonly node: { readonly name: string };
}

/** The policy of the asked node, whole: shown, and changed by what a body names. `null` takes a setting back to the node's own. */
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

/** A policy as it is shown, with what the machine is doing and what that leaves to calls. */
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
