// How long a suspect may take to refute, after Lifeguard: long while one node suspects it, short once several do.

import type { Clock } from "../../core/clock.js";
import type { Timers } from "../../core/timers.js";
import type { MembersConfig } from "./members-config.js";

/** The shortest time (milliseconds) that a suspect is given in a mesh of `nodes`. */
export function suspicionMinMs(
  nodes: number,
  config: Pick<MembersConfig, "suspicionMult" | "probeIntervalMs">,
): number {
  return config.suspicionMult * Math.max(1, Math.log10(Math.max(1, nodes))) * config.probeIntervalMs;
}

/** How many confirmations bring the time down to the shortest: none are waited for where there are too few to give them. */
export function confirmationsExpected(nodes: number, suspicionMult: number): number {
  const expected = suspicionMult - 2;
  return nodes - 2 < expected ? 0 : expected;
}

/** What {@link suspicionLeftMs} is computed from. */
export interface SuspicionProgress {
  readonly confirmations: number;
  readonly expected: number;
  readonly elapsedMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds left until a suspect counts as dead, not above `maxMs`, 0 or less when the time is up: the whole time falls from `maxMs` to
 * `minMs` with the logarithm of the confirmations (Lifeguard, LHA-Suspicion).
 */
export function suspicionLeftMs({ confirmations, expected, elapsedMs, minMs, maxMs }: SuspicionProgress): number {
  const fraction = expected < 1 ? 1 : Math.log(confirmations + 1) / Math.log(expected + 1);
  const whole = Math.max(minMs, Math.floor(maxMs - fraction * (maxMs - minMs)));
  return whole - elapsedMs;
}

/** What a {@link Suspicion} needs. */
export interface SuspicionOptions {
  /** Who suspected first: its own repetition confirms nothing. */
  readonly from: string;
  readonly expected: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly expired: () => void;
}

/** The running doubt about one member: starts its timer at once, calls `expired` unless it is cancelled before. */
export class Suspicion {
  readonly #options: SuspicionOptions;
  readonly #startedAt: number;
  readonly #from: Set<string>;
  #cancelTimer: () => void;

  constructor(options: SuspicionOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    this.#from = new Set([options.from]);
    this.#cancelTimer = options.timers.after(this.#leftMs(), options.expired);
  }

  /** Counts another accuser; `true` when it was news that is worth passing on. */
  confirm(from: string): boolean {
    if (this.#from.has(from) || this.#from.size > this.#options.expected) return false;
    this.#from.add(from);
    this.#cancelTimer();
    this.#cancelTimer = this.#options.timers.after(Math.max(0, this.#leftMs()), this.#options.expired);
    return true;
  }

  cancel(): void {
    this.#cancelTimer();
  }

  #leftMs(): number {
    const { expected, minMs, maxMs, clock } = this.#options;
    const elapsedMs = clock.monotonic() - this.#startedAt;
    return suspicionLeftMs({ confirmations: this.#from.size - 1, expected, elapsedMs, minMs, maxMs });
  }
}
