// Keep-alive: pings that show whether the other end of a connection still reads and answers, and measure the round
// trip.

import type { Clock } from "../../core/clock.js";
import type { Random, Timers } from "../../core/timers.js";
import type { Connection } from "../ports.js";

/**
 * The weight of a new sample in the smoothed round-trip time, an EWMA: 1/8 as in TCP (RFC 6298) for a sample above it,
 * 1/2 for one below. Anything in a ping's way, such as a process that starts, only adds to a sample, so a low one is
 * nearer to the truth.
 */
const weights = { above: 1 / 8, below: 1 / 2 } as const;

/** Pings a peer, and calls `gone` when it is silent or reads nothing for `silenceMs`. */
export class KeepAlive {
  readonly #connection: Pick<Connection, "queuedBytes" | "receivedBytes">;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #limits: { readonly pingIntervalMs: number; readonly silenceMs: number };
  readonly #ping: (token: number) => void;
  readonly #gone: (reason: string) => void;
  #rttMs: number | undefined;
  #cancel: (() => void) | undefined;
  #sentBytes = 0;
  /** The token of the last ping, and when it was sent while it has no pong. */
  #token = 0;
  #pingedAt: number | undefined;
  #received = { bytes: -1, at: 0 };
  #left = { bytes: -1, at: 0 };

  constructor(
    connection: Pick<Connection, "queuedBytes" | "receivedBytes">,
    options: {
      clock: Clock;
      timers: Timers;
      random: Random;
      limits: { readonly pingIntervalMs: number; readonly silenceMs: number };
      ping: (token: number) => void;
      gone: (reason: string) => void;
    },
  ) {
    this.#connection = connection;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#random = options.random;
    this.#limits = options.limits;
    this.#ping = options.ping;
    this.#gone = options.gone;
  }

  /** Smoothed, `undefined` before the first pong. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  start(): void {
    const at = this.#clock.monotonic();
    this.#received.at = at;
    this.#left.at = at;
    this.#tick();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Bytes were queued for the peer. */
  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** The peer answered a ping; anything but the token of the last one is ignored. */
  pong(token: unknown): void {
    if (token !== this.#token || this.#pingedAt === undefined) return;
    const sample = this.#clock.monotonic() - this.#pingedAt;
    this.#pingedAt = undefined;
    const before = this.#rttMs ?? sample;
    this.#rttMs = before + (sample - before) * (sample < before ? weights.below : weights.above);
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    const { queuedBytes, receivedBytes } = this.#connection;
    const leftBytes = this.#sentBytes - queuedBytes;
    if (queuedBytes === 0 || leftBytes > this.#left.bytes) this.#left = { bytes: leftBytes, at: now };
    const isAlive = receivedBytes !== this.#received.bytes || (queuedBytes > 0 && this.#left.at === now);
    if (isAlive) this.#received = { bytes: receivedBytes, at: now };
    const { pingIntervalMs, silenceMs } = this.#limits;
    const isSilent = now - this.#received.at > silenceMs;
    if (isSilent || now - this.#left.at > silenceMs) {
      this.#gone(isSilent ? "the peer is silent" : "the peer reads nothing");
      return;
    }
    if (this.#pingedAt === undefined) {
      this.#pingedAt = now;
      this.#ping(++this.#token);
    }
    this.#cancel = this.#timers.after(pingIntervalMs * (0.9 + this.#random() * 0.2), () => this.#tick());
  }
}
