// Answers without end, of events and of logs: each costs work at everything that is told, so they are few, and shared by
// token.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { FairSlots } from "../../core/fair-slots.js";
import type { Exchange, OutgoingStream } from "../http/exchange.js";

/** Streams at a time; of one token as many as are left free. */
const most = 64;

/** What a stream is made of; `heartbeat` says nothing in that media type. */
export interface StreamOptions {
  readonly type: string;
  readonly heartbeat: string;
}

/** The streams of a node. */
export class OpenStreams {
  readonly #slots: FairSlots;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#slots = new FairSlots({
      clock,
      running: most,
      refuse: (why) =>
        why === "full"
          ? new HerdError("node.overloaded", `${most} clients listen already`, { retryAfterSeconds: 5 })
          : new HerdError("request.throttled", "this token listens often enough", { retryAfterSeconds: 5 }),
    });
  }

  /**
   * A stream until its reader is gone. Throws `request.throttled` when the token has its share, `node.overloaded` when
   * all are taken.
   */
  open(exchange: Exchange, { type, heartbeat }: StreamOptions): OutgoingStream {
    const leave = this.#slots.take(exchange.claims?.id ?? "");
    try {
      const stream = exchange.outgoing.stream(type, heartbeat);
      stream.onClose(leave);
      return stream;
    } catch (error) {
      leave();
      throw error;
    }
  }
}
