// Answers without end, of events and of logs. Each costs work at every event: their number is bounded, and tokens
// share it.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { FairSlots } from "../../core/fair-slots.js";
import { Streamed, type StreamOptions } from "./http-answer.js";

/** Streams at a time. One token may have at most as many as it leaves free. */
const most = 64;

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
   * A stream of the token `by` that counts until its reader disconnects. Throws `request.throttled` when the token has
   * its share of the streams, and `node.overloaded` when all streams are taken.
   */
  open(by: string, options: StreamOptions): Streamed {
    const leave = this.#slots.take(by);
    const closed = (): void => {
      leave();
      options.closed();
    };
    return new Streamed({ ...options, closed });
  }
}
