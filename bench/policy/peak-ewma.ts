// Finagle's peak EWMA: two choices by a peak-sensitive moving average of latency times the outstanding calls.

import { FailureAccrual } from "./failure-accrual.js";
import { type Balancer, type PlacementPolicy, type SimAnswer, sample } from "./policy.js";
import type { SimCall } from "./sim-call.js";
import type { SimMesh } from "./sim-mesh.js";

/** `decayTime` of Finagle's `Balancers.p2cPeakEwma`. */
const decayMs = 10_000;
/** Cost of a node without data and with outstanding calls, beside the outstanding ones. */
const penalty = Number.MAX_VALUE / 2;
/** Its failure accrual: five in a row, and five seconds to five minutes. */
const accrual = { failures: 5, firstMs: 5_000, mostMs: 300_000 };

/** A node's data on another one: the metric of Finagle's `PeakEwmaNode`. */
export class PeakEwmaMetric {
  #costMs = 0;
  #stampMs = 0;
  pending = 0;

  /** A latency above the average replaces it at once; a lower one counts slowly. */
  observe(latencyMs: number, nowMs: number): void {
    const weight = Math.exp(-Math.max(nowMs - this.#stampMs, 0) / decayMs);
    this.#costMs = latencyMs > this.#costMs ? latencyMs : latencyMs * (1 - weight) + this.#costMs * weight;
    this.#stampMs = nowMs;
  }

  /** Cost of one more call there. Reading decays the average, as in Finagle. */
  load(nowMs: number): number {
    this.observe(0, nowMs);
    if (this.#costMs === 0 && this.pending !== 0) return penalty + this.pending;
    return this.#costMs * (this.pending + 1);
  }
}

class PeakEwmaBalancer implements Balancer {
  readonly #mesh: SimMesh;
  readonly #self: number;
  readonly #nodes: PeakEwmaMetric[];
  readonly #failures = new FailureAccrual(accrual);

  constructor(mesh: SimMesh, self: number) {
    this.#mesh = mesh;
    this.#self = self;
    this.#nodes = mesh.nodes.map(() => new PeakEwmaMetric());
  }

  choose(call: SimCall): number {
    const { now } = this.#mesh;
    // Finagle draws again, up to five times, while one of the two is not open.
    for (let effort = 0; effort < 5; effort++) {
      const [one, other] = sample(this.#mesh, { call, count: 2 });
      if (one === undefined) return this.#self;
      const [first, second] = [one, other ?? one];
      const best = this.#load(first, now) <= this.#load(second, now) ? first : second;
      if (this.#failures.isOpen(best, now) || effort === 4) return best;
    }
    return this.#self;
  }

  again(call: SimCall): number {
    return this.choose(call);
  }

  sent(_call: SimCall, node: number): void {
    const metric = this.#nodes[node];
    if (metric !== undefined) metric.pending++;
  }

  answered(_call: SimCall, node: number, { end, tookMs }: SimAnswer): void {
    const metric = this.#nodes[node];
    if (metric === undefined) return;
    const { now } = this.#mesh;
    metric.pending--;
    metric.observe(tookMs, now);
    this.#failures.ended(node, { end, nowMs: now });
  }

  #load(node: number, now: number): number {
    return this.#failures.isOpen(node, now) ? (this.#nodes[node]?.load(now) ?? 0) : Number.POSITIVE_INFINITY;
  }
}

/**
 * Two random nodes, of which the cheaper one gets the call: `PeakEwma` with `P2C` and `FailureAccrualFactory` of
 * github.com/twitter/finagle (finagle-core: `loadbalancer/PeakEwma.scala`, `loadbalancer/P2C.scala`,
 * `liveness/FailureAccrualPolicy.scala`), with their defaults.
 */
export const peakEwma: PlacementPolicy = {
  name: "peak EWMA (Finagle)",
  start: (mesh) => ({ balancer: (self) => new PeakEwmaBalancer(mesh, self) }),
};
