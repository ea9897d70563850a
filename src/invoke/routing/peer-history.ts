// What this node learned of its peers by their answers. It outlives their links: who comes back is not a stranger.

import { Health } from "./health.js";
import { Speed } from "./speed.js";

/** How well and how fast a peer answers. */
export interface Standing {
  readonly health: Health;
  readonly speed: Speed;
}

/** So many are kept; the oldest leaves first. */
const defaultSize = 2_048;

/** Standings by node id. */
export class Standings {
  readonly #standings = new Map<string, Standing>();
  readonly #size: number;
  readonly #onForgotten: (speed: Speed) => void;

  /** `onForgotten` hears of each that leaves. */
  constructor(onForgotten: (speed: Speed) => void, size = defaultSize) {
    this.#onForgotten = onForgotten;
    this.#size = size;
  }

  /** The standing of a node whose link opened at that monotonic millisecond. */
  joined(nodeId: string, now: number): Standing {
    const standing = this.#standings.get(nodeId) ?? { health: new Health(now), speed: new Speed(now) };
    // The last to come is the last to leave.
    this.#standings.delete(nodeId);
    this.#standings.set(nodeId, standing);
    standing.health.joined(now);
    for (const [oldest, { speed }] of this.#standings) {
      if (this.#standings.size <= this.#size) break;
      this.#standings.delete(oldest);
      this.#onForgotten(speed);
    }
    return standing;
  }
}
