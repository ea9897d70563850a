// Acknowledgement of a deploy: once another living node holds it, so that no single failure loses it.

import type { PublishedManifest } from "../catalog/model.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { Timers } from "../core/timers.js";
import type { Link, Links, Members } from "../mesh/ports.js";
import type { Spread } from "./ports.js";
import type { HoldRequest } from "./propagate.js";

const windowMs = 5_000;
const restMs = 1_000;
const checkMs = 100;
const retryMs = 250;

/** Dependencies of {@link Acknowledger}. */
export interface AcknowledgerOptions {
  readonly links: Pick<Links, "all" | "watch">;
  readonly members: Pick<Members, "all" | "get">;
  /** Whether this node is a master, and whether another living node is. */
  readonly isMaster: { readonly self: boolean; readonly of: (nodeId: string) => boolean };
  readonly nameOf: (nodeId: string) => string;
  readonly timers: Timers;
  readonly log: Logger;
}

/**
 * Requests every linked peer to hold a change. A master acknowledges the change when another living node holds it, and
 * at once when no other node lives. Any other node acknowledges it when a living master holds it; while no master
 * lives, or when none holds it in time, one other node is enough.
 */
export class Acknowledger implements Spread {
  readonly #options: AcknowledgerOptions;

  constructor(options: AcknowledgerOptions) {
    this.#options = options;
  }

  /** See {@link Spread}. Waits for 5 s at most; once the change is safe, for 1 s at most for further peers. */
  async acknowledge(manifest: PublishedManifest, signal?: AbortSignal): Promise<readonly string[]> {
    const { links, nameOf } = this.#options;
    const round = new Round(manifest, this.#options);
    const unwatch = links.watch({ opened: (link) => round.request(link) });
    try {
      for (const link of links.all()) round.request(link);
      await round.until(windowMs, () => signal?.aborted === true || round.isSafe());
      signal?.throwIfAborted();
      if (!round.isSafe() && round.holders.size === 0) {
        const why = round.refusal === undefined ? "" : ` (${round.refusal.slice(0, 200)})`;
        const detail = `no other node could take it over yet${why}; it is done here and goes on spreading`;
        throw new HerdError("node.unavailable", detail, { retryAfterSeconds: 2 });
      }
      await round.until(restMs, () => signal?.aborted === true || round.pending === 0);
      return [...round.holders].map(nameOf).sort();
    } finally {
      unwatch();
      round.end();
    }
  }
}

/** One change, and the nodes that hold it so far. */
class Round {
  readonly holders = new Set<string>();
  /** Detail of the last peer that refused to hold the change. */
  refusal: string | undefined;
  readonly #request: HoldRequest;
  readonly #options: AcknowledgerOptions;
  readonly #pending = new Set<string>();
  readonly #cancellation = { aborted: false };
  #changed: () => void = () => undefined;

  constructor({ text }: PublishedManifest, options: AcknowledgerOptions) {
    this.#request = { text };
    this.#options = options;
  }

  /** Peers that have not answered. */
  get pending(): number {
    return this.#pending.size;
  }

  request(link: Link): void {
    const { nodeId } = link.peer;
    if (this.#cancellation.aborted || this.#pending.has(nodeId) || this.holders.has(nodeId)) return;
    this.#pending.add(nodeId);
    void this.#untilHeld(link).then((held) => {
      this.#pending.delete(nodeId);
      if (held) this.holders.add(nodeId);
      this.#changed();
    });
  }

  /** Whether no single failure loses the change: see {@link Acknowledger}. */
  isSafe(): boolean {
    const { isMaster } = this.#options;
    const living = this.#living();
    // Only a master's own store is durable. Another node's store is lost with the node, and such a node never is the
    // whole mesh.
    if (living.length === 0) return isMaster.self;
    if (isMaster.self || !living.some(isMaster.of)) return this.holders.size > 0;
    return [...this.holders].some(isMaster.of);
  }

  /**
   * Waits for `ms` at most until a condition holds. Checks it after each answer, and at intervals, since members come
   * and go.
   */
  async until(ms: number, done: () => boolean): Promise<void> {
    const { timers } = this.#options;
    let over = false;
    const cancelEnd = timers.after(ms, () => {
      over = true;
      this.#changed();
    });
    while (!over && !done()) {
      await new Promise<void>((resolve) => {
        const cancelCheck = timers.after(checkMs, resolve);
        this.#changed = () => {
          cancelCheck();
          resolve();
        };
      });
    }
    cancelEnd();
  }

  /** Sends no more requests. Peers that already have one go on to hold the change. */
  end(): void {
    this.#cancellation.aborted = true;
  }

  async #untilHeld(link: Link): Promise<boolean> {
    const { timers, log } = this.#options;
    for (;;) {
      try {
        await link.request("hold", this.#request, { timeoutMs: windowMs, signal: this.#cancellation });
        return true;
      } catch (cause) {
        if (cause instanceof HerdError) this.refusal = cause.message;
        const mayChange = cause instanceof HerdError && cause.fault === "node";
        if (!this.#cancellation.aborted) log.debug("a peer does not hold a change", { peer: link.peer.nodeId, cause });
        if (this.#cancellation.aborted || !mayChange) return false;
      }
      await new Promise<void>((resolve) => timers.after(retryMs, resolve));
      if (this.#cancellation.aborted) return false;
    }
  }

  /** Nodes that count as alive: by membership, and by an open link when membership has no other state for them. */
  #living(): string[] {
    const { links, members } = this.#options;
    const living = members.all().filter(({ state }) => state === "alive" || state === "draining");
    const linked = links.all().filter(({ peer }) => members.get(peer.nodeId) === undefined);
    return [...living.map(({ id }) => id), ...linked.map(({ peer }) => peer.nodeId)];
  }
}
