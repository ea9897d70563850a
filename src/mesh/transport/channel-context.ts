// What all connections of a node share: the node's identity, its trust, its handlers, and the bounds of a connection.

import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { Random, Timers } from "../../core/timers.js";
import type { Handler, PeerIdentity, Refusal, Trust } from "../ports.js";
import type { OwnHello } from "./hello.js";

/** Bounds of one connection. */
export interface ChannelLimits {
  /**
   * The longest that a handshake may take, from the own hello to the peer's `ready`; default 5,000 ms. Shorter frees
   * the place of a silent peer sooner; longer lets a busy machine verify records of many masters.
   */
  readonly handshakeMs: number;
  /**
   * Between two pings, ± 10 % of jitter; default 1,000 ms. Shorter follows the round-trip time more closely, for two
   * small frames each.
   */
  readonly pingIntervalMs: number;
  /**
   * Silence, or time in which the peer reads nothing of what is queued for it, after which the link ends; default
   * 15,000 ms. Shorter finds a dead machine sooner; longer spares one that swaps or sleeps for a moment. Members are
   * suspected much sooner, by probes.
   */
  readonly silenceMs: number;
  /**
   * How long a replaced connection may live on until its requests are answered; default 30,000 ms. Shorter loses the
   * answers of slow calls; longer keeps an old certificate in use.
   */
  readonly leaveMs: number;
  /**
   * Bytes queued for a peer above which its requests are refused and, while none of ours is pending, not read; default
   * 8 MiB, which is one frame. Back-pressure: lower holds less memory for a peer that reads slowly.
   */
  readonly fullBytes: number;
  /** Bytes queued for a peer above which nothing more is queued; default 32 MiB. Above {@link fullBytes}. */
  readonly queueBytes: number;
}

/** The bounds of a node's connections by default. */
export const channelLimits: ChannelLimits = {
  handshakeMs: 5_000,
  pingIntervalMs: 1_000,
  silenceMs: 15_000,
  leaveMs: 30_000,
  fullBytes: 8 * 1024 * 1024,
  queueBytes: 32 * 1024 * 1024,
};

/** What all connections of a node share. */
export interface ChannelContext {
  readonly nodeId: string;
  /** Names this process, so that peers notice a restart: 16 hex digits or more. */
  readonly instance: string;
  /** When this process began, epoch ms. */
  readonly started: number;
  readonly trust: Trust;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly limits: ChannelLimits;
  readonly log: Logger | undefined;
  readonly handlers: ReadonlyMap<string, Handler>;
  hello(): OwnHello;
  /**
   * Offers the records of a peer's hello to their stores; rejects when they prove that the peer does not belong here.
   */
  acceptRecords(records: readonly string[], peer: PeerIdentity): Promise<void>;
  /**
   * The records that prove to a peer why it is refused, at most 8: a node that slept may not know of its revocation.
   */
  revocationProof(peer: PeerIdentity): readonly string[];
  /** Receives each handshake that ended with a refusal, by either side. */
  refused(refusal: Refusal): void;
  /** Receives how far the clock of a peer is ahead of ours, in ms, by the time in the peer's hello. */
  clockSkew(peer: PeerIdentity, skewMs: number): void;
  /** How often this node lost all connections to that one. */
  generation(nodeId: string): number;
}
