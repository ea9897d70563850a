// Whether this node takes calls, as the mesh is notified: not while an operator drains it, it shuts down, or its owner
// paused it.

import type { Membership } from "../mesh/membership/members.js";
import type { Governor } from "../owner/governor.js";
import type { OwnLoad } from "./peers/own-load.js";

/** Dependencies of availability. */
interface AvailabilityOptions {
  readonly load: OwnLoad;
  readonly governor: Pick<Governor, "current" | "resume">;
  readonly members: Pick<Membership, "setState">;
}

/** The availability of one node. */
export class Availability {
  readonly #options: AvailabilityOptions;

  constructor(options: AvailabilityOptions) {
    this.#options = options;
  }

  /** Whether an operator drains the node. */
  get draining(): boolean {
    return this.#options.load.drained;
  }

  /** Whether the node's owner paused it. */
  get asleep(): boolean {
    return this.#options.governor.current.state === "paused";
  }

  /** Announces the node's state to the mesh. */
  announce(): void {
    const { load, members } = this.#options;
    const rest = this.asleep ? "asleep" : "alive";
    members.setState(load.draining ? "draining" : rest);
  }

  /** Drains the node, or ends a drain and a pause of its owner; resolves when that is stored. */
  async setDraining(on: boolean): Promise<void> {
    this.#options.load.setDraining(on);
    this.announce();
    if (!on) await this.#options.governor.resume();
  }
}
