// Peer history: what this node learned of a peer from its results. It outlives the link, so a peer that comes back is
// not a stranger.

import { Health } from "./health.js";
import { Speed } from "./speed.js";

/** How reliably and how fast a peer answers. */
export interface PeerHistory {
  readonly health: Health;
  readonly speed: Speed;
}

/** Peers whose history is kept; above this, the oldest is dropped. */
const defaultSize = 2_048;

/** Histories by node id. */
export class PeerHistories {
  readonly #histories = new Map<string, PeerHistory>();
  readonly #size: number;
  readonly #onForgotten: (speed: Speed) => void;

  /** `onForgotten` is called with the speed of each dropped peer. */
  constructor(onForgotten: (speed: Speed) => void, size = defaultSize) {
    this.#onForgotten = onForgotten;
    this.#size = size;
  }

  /** The history of a node whose link opened at that monotonic millisecond. */
  joined(nodeId: string, now: number): PeerHistory {
    const history = this.#histories.get(nodeId) ?? { health: new Health(now), speed: new Speed(now) };
    // The peer that joined last is dropped last.
    this.#histories.delete(nodeId);
    this.#histories.set(nodeId, history);
    history.health.joined(now);
    for (const [oldest, { speed }] of this.#histories) {
      if (this.#histories.size <= this.#size) break;
      this.#histories.delete(oldest);
      this.#onForgotten(speed);
    }
    return history;
  }
}
