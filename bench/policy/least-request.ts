// Envoy's least request: a weighted round robin whose weights fall with the active requests.

import { FailureAccrual } from "./failure-accrual.js";
import { type Balancer, eligible, type PlacementPolicy, type SimAnswer } from "./policy.js";
import type { SimCall } from "./sim-call.js";
import type { SimMesh } from "./sim-mesh.js";

/** `active_request_bias`. */
const activeRequestBias = 1;
/** Its outlier detection: `consecutive_5xx`, `base_ejection_time` and `max_ejection_time`. */
const outliers = { failures: 5, firstMs: 30_000, mostMs: 300_000 };

/** Picks by earliest deadline first: a node's next deadline is one over its weight later than its last. */
class LeastRequestBalancer implements Balancer {
  readonly #mesh: SimMesh;
  readonly #self: number;
  readonly #active: number[];
  readonly #deadlines: number[];
  readonly #failures = new FailureAccrual(outliers);
  #time = 0;

  constructor(mesh: SimMesh, self: number) {
    this.#mesh = mesh;
    this.#self = self;
    this.#active = mesh.nodes.map(() => 0);
    // Envoy starts its schedule at a random place, or all clients would begin with the same hosts.
    this.#deadlines = mesh.nodes.map((_, node) => mesh.random() / this.#weight(node));
  }

  choose(call: SimCall): number {
    let best = -1;
    let earliest = Number.POSITIVE_INFINITY;
    for (let node = 0; node < this.#deadlines.length; node++) {
      const deadline = this.#deadlines[node] ?? 0;
      if (deadline >= earliest || !eligible(this.#mesh, { call, node })) continue;
      if (this.#failures.isOpen(node, this.#mesh.now)) [best, earliest] = [node, deadline];
    }
    if (best < 0) return this.#self;
    this.#time = Math.max(this.#time, earliest);
    this.#deadlines[best] = this.#time + 1 / this.#weight(best);
    return best;
  }

  again(call: SimCall): number {
    return this.choose(call);
  }

  sent(_call: SimCall, node: number): void {
    this.#active[node] = (this.#active[node] ?? 0) + 1;
  }

  answered(_call: SimCall, node: number, { end }: SimAnswer): void {
    this.#active[node] = (this.#active[node] ?? 0) - 1;
    this.#failures.ended(node, { end, nowMs: this.#mesh.now });
  }

  #weight(node: number): number {
    const machine = this.#mesh.scenario.machines[node];
    const weight = (machine?.speed ?? 1) * (machine?.workers ?? 1);
    return weight / ((this.#active[node] ?? 0) + 1) ** activeRequestBias;
  }
}

/**
 * `LEAST_REQUEST` for hosts of unequal weights, as the Envoy documentation describes it (Load balancing: weighted least
 * request; API: extensions.load_balancing_policies.least_request.v3): weight = load_balancing_weight / (active_requests
 * + 1)^active_request_bias, in an earliest-deadline-first schedule. A host's weight is speed times workers; what is
 * active is what this client sent. The two random choices are Envoy's for equal weights only.
 */
export const leastRequest: PlacementPolicy = {
  name: "least request (Envoy)",
  start: (mesh) => ({ balancer: (self) => new LeastRequestBalancer(mesh, self) }),
};
