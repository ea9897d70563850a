// Peer history: what this node learned of a peer from its results. It outlives the link, so a peer that comes back is
// not a stranger.

import { LRUCache } from "lru-cache";
import { Health } from "./outlier-ejection.js";
import { Speed } from "./speed.js";

/** How reliably and how fast a peer answers. */
export interface PeerHistory {
  readonly health: Health;
  readonly speed: Speed;
}

/** Peers whose history is kept; above this, the peer that joined longest ago is dropped. */
const defaultSize = 2_048;

/** Histories by node id. */
export class PeerHistories {
  readonly #histories: LRUCache<string, PeerHistory>;

  /** `onForgotten` is called with the speed of each dropped peer. */
  constructor(onForgotten: (speed: Speed) => void, size = defaultSize) {
    this.#histories = new LRUCache({ max: size, dispose: ({ speed }) => onForgotten(speed) });
  }

  /** The history of a node whose link opened at that monotonic millisecond. */
  joined(nodeId: string, now: number): PeerHistory {
    const known = this.#histories.get(nodeId);
    const history = known ?? { health: new Health(now), speed: new Speed(now) };
    if (known === undefined) this.#histories.set(nodeId, history);
    history.health.joined(now);
    return history;
  }
}
