// Keeps links to a set of target nodes: dials each target until it is linked, one dial at a time for each.

import { Backoff } from "../../core/backoff.js";
import type { Random, Timers } from "../../core/timers.js";

/**
 * Between two dials of a node: exponential backoff from 100 ms to 10 s, with equal jitter. A longer first wait takes
 * longer to mend a broken link; a longer last wait costs less while a node is gone, and finds it later when it is back.
 */
const redialMs = { firstMs: 100, lastMs: 10_000, jitter: 0.5 } as const;

/** Dials a node once: resolves when the link is open, rejects otherwise. */
export type Dial = (nodeId: string, address: string, signal: AbortSignal) => Promise<unknown>;

interface Wish {
  address: string;
  readonly backoff: Backoff;
  /** Ends the dial under way. */
  dialling: AbortController | undefined;
  cancelWait: (() => void) | undefined;
}

/** Dials the target nodes that are not linked, again and again. */
export class Dialler {
  readonly #wishes = new Map<string, Wish>();
  readonly #dial: Dial;
  readonly #isLinked: (nodeId: string) => boolean;
  readonly #timers: Timers;
  readonly #random: Random;
  #running = false;

  constructor(options: { dial: Dial; isLinked: (nodeId: string) => boolean; timers: Timers; random: Random }) {
    this.#dial = options.dial;
    this.#isLinked = options.isLinked;
    this.#timers = options.timers;
    this.#random = options.random;
  }

  start(): void {
    this.#running = true;
    for (const nodeId of this.#wishes.keys()) this.#try(nodeId);
  }

  stop(): void {
    this.#running = false;
    for (const nodeId of [...this.#wishes.keys()]) this.unwant(nodeId);
  }

  want(nodeId: string, address: string): void {
    const wish = this.#wishes.get(nodeId);
    if (wish?.address === address) return;
    if (wish === undefined) {
      const backoff = new Backoff({ ...redialMs, random: this.#random });
      this.#wishes.set(nodeId, { address, backoff, dialling: undefined, cancelWait: undefined });
    } else {
      wish.address = address;
      wish.backoff.reset();
    }
    this.#try(nodeId);
  }

  unwant(nodeId: string): void {
    const wish = this.#wishes.get(nodeId);
    this.#wishes.delete(nodeId);
    wish?.cancelWait?.();
    wish?.dialling?.abort();
  }

  /** The address under which a node is wanted. */
  addressOf(nodeId: string): string | undefined {
    return this.#wishes.get(nodeId)?.address;
  }

  /** The link to a node ended; `settled`: it had lasted, so the backoff starts anew. */
  lost(nodeId: string, settled: boolean): void {
    const wish = this.#wishes.get(nodeId);
    if (wish === undefined) return;
    if (settled) wish.backoff.reset();
    this.#retry(nodeId, wish);
  }

  #try(nodeId: string): void {
    const wish = this.#wishes.get(nodeId);
    if (!this.#running || wish === undefined || wish.dialling !== undefined || this.#isLinked(nodeId)) return;
    wish.cancelWait?.();
    wish.cancelWait = undefined;
    const dialling = new AbortController();
    wish.dialling = dialling;
    const { address } = wish;
    const ended = (): void => {
      wish.dialling = undefined;
      if (this.#wishes.get(nodeId) !== wish) return;
      if (wish.address === address) this.#retry(nodeId, wish);
      else this.#try(nodeId);
    };
    this.#dial(nodeId, address, dialling.signal).then(ended, ended);
  }

  #retry(nodeId: string, wish: Wish): void {
    if (!this.#running || wish.dialling !== undefined || wish.cancelWait !== undefined || this.#isLinked(nodeId))
      return;
    wish.cancelWait = this.#timers.after(wish.backoff.next(), () => {
      wish.cancelWait = undefined;
      this.#try(nodeId);
    });
  }
}
