// The link that other parts hold: it stays the same object while the connection under it is replaced.

import type { Link, PeerHello, PeerIdentity, RequestOptions } from "../ports.js";
import type { Channel } from "./channel.js";

/** The link to one peer over its best connection. */
export class PeerLink implements Link {
  #channel: Channel;
  /** When the link opened, on the monotonic clock. */
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

  /** Takes a better connection; requests that are pending on the connection before end there. */
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
