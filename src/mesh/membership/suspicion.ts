// The time that a suspect has to refute, after Lifeguard (LHA-Suspicion): long while one member suspects it, short once
// several do.

import type { Clock } from "../../core/clock.js";
import type { Timers } from "../../core/timers.js";
import type { MembersConfig } from "./members-config.js";

/**
 * The shortest time, ms, that a suspect has to refute in a mesh of `nodes`: see {@link MembersConfig.suspicionMult}.
 */
export function suspicionMinMs(
  nodes: number,
  config: Pick<MembersConfig, "suspicionMult" | "probeIntervalMs">,
): number {
  return config.suspicionMult * Math.max(1, Math.log10(Math.max(1, nodes))) * config.probeIntervalMs;
}

/**
 * Confirmations after which the time is the shortest: `suspicionMult − 2`, or 0 where too few members could confirm.
 */
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
 * Milliseconds left until a suspect counts as dead; 0 or less when the time is up. The whole time is `max(minMs, maxMs
 * − (maxMs − minMs) × log(confirmations + 1) / log(expected + 1))` (Lifeguard, LHA-Suspicion).
 */
export function suspicionLeftMs({ confirmations, expected, elapsedMs, minMs, maxMs }: SuspicionProgress): number {
  const fraction = expected < 1 ? 1 : Math.log(confirmations + 1) / Math.log(expected + 1);
  const whole = Math.max(minMs, Math.floor(maxMs - fraction * (maxMs - minMs)));
  return whole - elapsedMs;
}

/** What a {@link Suspicion} needs. */
export interface SuspicionOptions {
  /** The first accuser, whose repetition is no confirmation. */
  readonly from: string;
  readonly expected: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly expired: () => void;
}

/** The suspicion of one member: starts its timer at once, and calls `expired` unless it is cancelled before. */
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

  /** Counts an accuser; true when it is a new confirmation, to be gossiped. */
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
