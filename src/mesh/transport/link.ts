// A link as its users see it: it stays the same while the connection under it is replaced.

import type { Link, PeerHello, PeerIdentity, RequestOptions } from "../ports.js";
import type { Channel } from "./channel.js";

/** The link to one peer over its best connection. */
export class PeerLink implements Link {
  #channel: Channel;
  /** When it opened, on the monotonic clock. */
  readonly openedAt: number;

  constructor(channel: Channel, openedAt: number) {
    this.#channel = channel;
    this.openedAt = openedAt;
    channel.link = this;
  }

  /** The connection that new messages take. */
  get channel(): Channel {
    return this.#channel;
  }

  /** Takes a better connection; what runs on the one before ends there. */
  replace(channel: Channel): void {
    const before = this.#channel;
    this.#channel = channel;
    channel.link = this;
    before.leave();
  }

  get peer(): PeerIdentity {
    return this.#channel.peer;
  }

  get hello(): PeerHello {
    return this.#channel.hello;
  }

  get rttMs(): number | undefined {
    return this.#channel.rttMs;
  }

  notify(kind: string, body: unknown): boolean {
    return this.#channel.notify(kind, body);
  }

  request(kind: string, body: unknown, options: RequestOptions): Promise<unknown> {
    return this.#channel.request(kind, body, options);
  }
}

/**
 * Whether one open connection to a peer is to be kept rather than another, decided alike on both sides: the one that is good for
 * longer, then the one that the smaller node id dialled, then the later dial.
 */
export function isBetter(one: Channel, other: Channel): boolean {
  if (one.validUntil !== other.validUntil) return one.validUntil > other.validUntil;
  const [a, b] = [one.dial, other.dial];
  if (a.node !== b.node) return a.node < b.node;
  return a.count > b.count;
}
