// The reconnector: dials members that were lost, masters and seeds until this node is linked again. It never gives up.

import type { Clock } from "../../core/clock.js";
import type { Random, Timers } from "../../core/timers.js";
import type { Links } from "../ports.js";
import { sample } from "../sample.js";
import type { MemberTable } from "./member-table.js";
import type { MemberTrust } from "./member-trust.js";
import type { MembersConfig } from "./members-config.js";

/** A node and where it was last dialled. */
export interface KnownAddress {
  readonly id: string;
  readonly address: string;
}

/** What a {@link Reconnector} needs. */
export interface ReconnectorOptions {
  readonly config: MembersConfig;
  readonly links: Links;
  readonly table: MemberTable;
  readonly trust: MemberTrust;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly self: string;
  /** The masters' addresses, from their own records. */
  readonly masters: () => readonly KnownAddress[];
  /** Members that this node's last process remembered; and addresses (`HOST:PORT`) from its configuration. */
  readonly remembered: readonly KnownAddress[];
  readonly seeds: () => readonly string[];
}

/**
 * Attempts at a time; and new ones per round while there is no link at all (one otherwise). More find a way back sooner
 * among many dead addresses, and send more dials to nodes that are gone.
 */
const maxAttempts = 4;
const attemptsWhenAlone = 3;

/**
 * Each round dials one dead or unlinked master or member; without any link, several of all known addresses. A member
 * that left is dialled only by a node without links: a node with links receives the news of its return, and the member
 * may not know the address of a lonely node.
 */
export class Reconnector {
  readonly #options: ReconnectorOptions;
  /** Addresses by the monotonic time of their last attempt: the address tried longest ago is next. */
  readonly #triedAt = new Map<string, number>();
  readonly #attempts = new Map<string, AbortController>();

  constructor(options: ReconnectorOptions) {
    this.#options = options;
  }

  /** Starts the next attempts; they end by themselves. */
  round(): void {
    const alone = this.#options.links.all().length === 0;
    const candidates = [...this.#candidates(alone)].filter((address) => !this.#attempts.has(address));
    for (const address of this.#triedAt.keys()) {
      if (!candidates.includes(address) && !this.#attempts.has(address)) this.#triedAt.delete(address);
    }
    // Shuffled first, so that no address is preferred among equals.
    const next = sample(candidates, { count: candidates.length, random: this.#options.random }).sort(
      (a, b) => (this.#triedAt.get(a) ?? -1) - (this.#triedAt.get(b) ?? -1),
    );
    const room = maxAttempts - this.#attempts.size;
    for (const address of next.slice(0, Math.min(room, alone ? attemptsWhenAlone : 1))) void this.#attempt(address);
  }

  /** Ends the attempts under way. */
  stop(): void {
    for (const attempt of this.#attempts.values()) attempt.abort();
  }

  #candidates(alone: boolean): Set<string> {
    const { table, masters, remembered, seeds, links, trust, self } = this.#options;
    const members = table
      .all()
      .flatMap(({ id, address, state }) =>
        (alone || state === "dead") && address !== undefined ? [{ id, address }] : [],
      );
    const known = [...members, ...masters(), ...(alone ? remembered : [])].filter(
      ({ id }) =>
        id !== self &&
        links.get(id) === undefined &&
        !trust.isRevoked(id) &&
        (alone || table.get(id)?.state !== "left"),
    );
    return new Set([...known.map(({ address }) => address), ...(alone ? seeds() : [])]);
  }

  async #attempt(address: string): Promise<void> {
    const { links, clock, timers, config } = this.#options;
    this.#triedAt.set(address, clock.monotonic());
    const attempt = new AbortController();
    this.#attempts.set(address, attempt);
    const cancel = timers.after(config.reconnectTimeoutMs, () => attempt.abort());
    try {
      await links.dial(address, attempt.signal);
    } catch {
      // Nobody answers, or a node of another mesh does: a later round tries again.
    } finally {
      cancel();
      this.#attempts.delete(address);
    }
  }
}
