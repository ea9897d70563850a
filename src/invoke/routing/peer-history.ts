// What this node learned of its peers by their answers. It outlives their links: who comes back is not a stranger.

import { Health } from "./health.js";
import { Speed } from "./speed.js";

/** How well and how fast a peer answers. */
export interface PeerHistory {
  readonly health: Health;
  readonly speed: Speed;
}

/** So many are kept; the oldest leaves first. */
const defaultSize = 2_048;

/** PeerHistories by node id. */
export class PeerHistories {
  readonly #histories = new Map<string, PeerHistory>();
  readonly #size: number;
  readonly #onForgotten: (speed: Speed) => void;

  /** `onForgotten` hears of each that leaves. */
  constructor(onForgotten: (speed: Speed) => void, size = defaultSize) {
    this.#onForgotten = onForgotten;
    this.#size = size;
  }

  /** The history of a node whose link opened at that monotonic millisecond. */
  joined(nodeId: string, now: number): PeerHistory {
    const history = this.#histories.get(nodeId) ?? { health: new Health(now), speed: new Speed(now) };
    // The last to come is the last to leave.
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
