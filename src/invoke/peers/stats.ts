// Statistics of this node and its peers, for people: live state, capacity, and the weight that follows from both.

import type { Capacity, CapacitySource } from "../../capacity/capacity.js";
import type { Metrics } from "../../core/metrics.js";
import type { OwnerState } from "../../owner/allowance.js";
import type { WorkModel } from "../learning/work-model.js";
import { weightOf } from "../routing/choose.js";
import type { OwnLoad } from "./own-load.js";
import type { PeerStatuses } from "./peer-statuses.js";

/** A node's statistics. Weight is in work units per second, for a function that the node runs at its overall speed. */
export interface NodeStats {
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly owner: OwnerState;
  readonly loopDelayMs: number;
  readonly capacity: Capacity | undefined;
  readonly pace: number;
  readonly weight: number;
}

/** A peer's statistics. */
export interface PeerStats extends NodeStats {
  readonly errorRate: number;
  readonly ejected: boolean;
}

/** Dependencies of {@link MeshStats}. */
export interface MeshStatsOptions {
  readonly load: OwnLoad;
  readonly statuses: PeerStatuses;
  readonly workModel: WorkModel;
  readonly capacity: CapacitySource;
  readonly loopDelayMs: () => number;
  readonly nameOf: (nodeId: string) => string;
}

/** A metric has at most this many series. */
const maxSeries = 64;

/** Reads the statistics. */
export class MeshStats {
  readonly #options: MeshStatsOptions;

  constructor(options: MeshStatsOptions) {
    this.#options = options;
  }

  /** This node's statistics: what its peers see, without errors or ejection. */
  here(): NodeStats {
    const { load, workModel, capacity, loopDelayMs, statuses } = this.#options;
    statuses.refresh();
    const { slots, running, queued, available } = load.read();
    const { rate, pace } = workModel.here;
    const weight = load.draining || !available ? 0 : rate * slots * 1_000;
    const owner = load.allowance.state;
    return { slots, running, queued, owner, loopDelayMs: loopDelayMs(), capacity: capacity.current, pace, weight };
  }

  /** A peer's statistics; undefined when no report was received lately. */
  of(nodeId: string): PeerStats | undefined {
    const { statuses } = this.#options;
    statuses.refresh();
    const peer = statuses.get(nodeId);
    if (peer?.fresh !== true) return undefined;
    const { slots, running, queued, owner, loopDelayMs, capacity, speed, errorRate, ejected } = peer;
    const weight = weightOf(peer, speed.rate) * 1_000;
    return { slots, running, queued, owner, loopDelayMs, capacity, pace: speed.pace, weight, errorRate, ejected };
  }

  /** Registers the metrics for an operator's dashboards. */
  register(metrics: Metrics): void {
    const { statuses, nameOf } = this.#options;
    const pace = "Speed of this node's calls against what its capacity lets expect.";
    metrics.gauge({ name: "herd_pace", help: pace }, () => this.here().pace);
    const weight = {
      name: "herd_peer_weight",
      help: "Weight of a peer when one is drawn for a call, in work units per second; of 64 peers at most.",
      labels: ["peer"],
    };
    metrics.gauge(weight, () =>
      [...statuses.all()].slice(0, maxSeries).map(({ nodeId }) => [[nameOf(nodeId)], this.of(nodeId)?.weight ?? 0]),
    );
  }
}
