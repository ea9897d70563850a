// Refutation (SWIM, section 4.2): an accused node announces itself anew, with a higher incarnation.

import type { Clock } from "../../core/clock.js";
import type { Timers } from "../../core/timers.js";
import type { MemberSelf } from "./member-self.js";

/**
 * Between two refutations of this node, ms. A suspicion lasts seconds, so more refutations would only serve a peer that
 * floods this node with accusations.
 */
const intervalMs = 500;

/** Dependencies of {@link Refutation}; `sendAnnouncement` sends the new announcement to peers. */
interface RefutationOptions {
  readonly self: Pick<MemberSelf, "announce" | "state">;
  readonly clock: Pick<Clock, "monotonic">;
  readonly timers: Timers;
  readonly sendAnnouncement: () => void;
}

/** The refutations of this node: at once, or at the end of the interval since the last one. */
export class Refutation {
  readonly #options: RefutationOptions;
  #lastAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(options: RefutationOptions) {
    this.#options = options;
  }

  /** Refutes an accusation against this node. */
  request(): void {
    const { clock, timers } = this.#options;
    if (this.#cancel !== undefined) return;
    const waitMs = this.#lastAt + intervalMs - clock.monotonic();
    if (waitMs <= 0) this.#refute();
    else this.#cancel = timers.after(waitMs, () => this.#refute());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #refute(): void {
    const { self, clock, sendAnnouncement } = this.#options;
    this.#cancel = undefined;
    this.#lastAt = clock.monotonic();
    self.announce(self.state);
    sendAnnouncement();
  }
}
