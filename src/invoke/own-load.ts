// How busy this node is, as it decides with it and tells its peers: the sandbox's figures, the mean run, and whether it is draining.

import type { Clock } from "../core/clock.js";
import type { Here } from "./finish.js";
import type { Outcome } from "./invoker.js";

/** The sandbox's figures: see `Sandbox.stats`. */
export interface SandboxFigures {
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
}

/** One run weighs this much in the mean. */
const share = 1 / 16;

/** This node's load. */
export class OwnLoad {
  readonly #figures: () => SandboxFigures;
  readonly #listeners = new Set<() => void>();
  readonly #clock: Clock;
  #meanMs: number | undefined;
  #tracked = 0;
  /** Monotonic milliseconds at which a call last ended, or the first of those under way came. */
  #progressAt = 0;
  #draining = false;
  #leaving = false;

  constructor(figures: () => SandboxFigures, clock: Clock) {
    this.#figures = figures;
    this.#clock = clock;
  }

  /** The load now. While no call ends, they run for longer than the mean says. */
  read(): Here {
    const { slots, running, queued } = this.#figures();
    const stalledMs = running > 0 && this.#tracked > 0 ? this.#clock.monotonic() - this.#progressAt : 0;
    const mean = this.#meanMs;
    const runMs = mean === undefined || stalledMs <= mean ? mean : stalledMs;
    return { available: this.available, lightUnits: Number.POSITIVE_INFINITY, slots, running, queued, runMs };
  }

  /** Whether this node takes no calls of peers: an operator drains it, or it ends. */
  get draining(): boolean {
    return this.#draining || this.#leaving;
  }

  /** Whether it runs calls of its own clients: not while an operator drains it, then peers get them. */
  get available(): boolean {
    return !this.#draining;
  }

  /** Drains the node on an operator's behalf, or ends that. */
  setDraining(draining: boolean): void {
    if (this.#draining === draining) return;
    this.#draining = draining;
    this.#changed();
  }

  /** The node ends: it runs what its clients have asked of it, and takes nothing more from peers. */
  leave(): void {
    this.#leaving = true;
    this.#changed();
  }

  /** Follows a call that was given to the sandbox; gives back the same promise. */
  track(outcome: Promise<Outcome>): Promise<Outcome> {
    if (this.#tracked++ === 0) this.#progressAt = this.#clock.monotonic();
    outcome.then(this.#observe, this.#ended);
    this.#changed();
    return outcome;
  }

  /** Calls `listener` when the load may have changed; the returned function ends that. It must be cheap. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  readonly #observe = ({ runMs }: Outcome): void => {
    this.#meanMs = this.#meanMs === undefined ? runMs : this.#meanMs + (runMs - this.#meanMs) * share;
    this.#ended();
  };

  readonly #ended = (): void => {
    this.#tracked--;
    this.#progressAt = this.#clock.monotonic();
  };

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
