// What all connections of a node share: who it is, whom it trusts, its handlers, and the bounds that it keeps to.

import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { Random, Timers } from "../../core/timers.js";
import type { Handler, PeerIdentity, Refusal, Trust } from "../ports.js";
import type { OwnHello } from "./hello.js";

/** Bounds of one connection. */
export interface ChannelLimits {
  /** The longest that a handshake may take, from the own hello to the peer's `ready`. */
  readonly handshakeMs: number;
  /** Between two pings. */
  readonly pingIntervalMs: number;
  /** A peer that was silent, or read nothing of what waits for it, for so long is gone. */
  readonly silenceMs: number;
  /** How long a connection that was replaced may take to end what runs on it. */
  readonly leaveMs: number;
  /** Bytes queued for a peer above which its asks are refused, and above which nothing is queued. */
  readonly fullBytes: number;
  readonly queueBytes: number;
}

/** The bounds that a node keeps to unless told otherwise. */
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
  /** Names this run of the process, so that peers notice a restart: 16 hex digits or more. */
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
  /** Offers the records of a peer's handshake to their stores; rejects when they prove that the peer does not belong here. */
  acceptRecords(records: readonly string[], peer: PeerIdentity): Promise<void>;
  /** The records that prove to a peer why it is refused, at most 8: a node that slept may not know of its revocation. */
  revocationProof(peer: PeerIdentity): readonly string[];
  /** Receives each handshake that ended with a refusal, by either side. */
  refused(refusal: Refusal): void;
  /** Receives how far the clock of a peer is ahead of ours, in ms, by the time in the peer's hello. */
  clockSkew(peer: PeerIdentity, skewMs: number): void;
  /** How often this node lost all connections to that one. */
  generation(nodeId: string): number;
}
