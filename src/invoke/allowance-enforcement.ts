// Enforces the owner's allowance: it bounds the sandbox's slots, and notifies the mesh of pauses and the log of each
// state.

import type { Sandbox } from "../../runtime/sandbox/sandbox.js";
import type { Logger } from "../core/log.js";
import type { Timers } from "../core/timers.js";
import type { Membership } from "../mesh/membership/members.js";
import type { Allowance } from "../owner/allowance.js";
import type { Governor } from "../owner/governor.js";
import { OwnerStateLog } from "../owner/state-log.js";
import type { Availability } from "./availability.js";

/** Dependencies: the parts that are bound to the allowance, and those that receive its changes. */
interface AllowanceEnforcementOptions {
  readonly governor: Governor;
  readonly sandbox: Pick<Sandbox, "allow" | "preempt">;
  readonly members: Pick<Membership, "watch">;
  readonly availability: Pick<Availability, "announce">;
  readonly timers: Timers;
  readonly log: Logger;
  /** Receives each change of the owner's state. */
  readonly changed: (allowance: Allowance) => void;
}

/** Starts the governor, and follows it until it is stopped. */
export class AllowanceEnforcement {
  readonly #options: AllowanceEnforcementOptions;
  readonly #log: OwnerStateLog;
  #ends: (() => void)[] = [];

  constructor(options: AllowanceEnforcementOptions) {
    this.#options = options;
    this.#log = new OwnerStateLog({ ...options, current: () => options.governor.current });
  }

  /** Resolves after the governor's first look at the machine. Idempotent. */
  async start(): Promise<void> {
    const { governor, members } = this.#options;
    if (this.#ends.length > 0) return;
    this.#ends = [governor.watch((now, before) => this.#apply(now, before)), members.watch(() => governor.check())];
    this.#log.start();
    this.#apply(governor.current);
    await governor.start();
  }

  stop(): void {
    this.#options.governor.stop();
    for (const end of this.#ends.splice(0)) end();
    this.#log.stop();
  }

  #apply(now: Allowance, before?: Allowance): void {
    const { sandbox, availability, log, changed } = this.#options;
    sandbox.allow(now);
    if (before !== undefined && mustStop(now, before)) {
      sandbox.preempt().catch((cause: unknown) => log.error("calls could not be given back", { cause }));
    }
    if (now.state === before?.state) return;
    availability.announce();
    if (before !== undefined) changed(now);
    this.#log.changed();
  }
}

/**
 * Whether running calls must be preempted: no guest may run any more, or, in a pause, not even calls of the node's own
 * clients.
 */
function mustStop(now: Allowance, before: Allowance): boolean {
  return now.slots === 0 && (before.slots > 0 || (now.state === "paused" && before.state !== "paused"));
}
