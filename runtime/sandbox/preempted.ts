// The failure of a preempted call: its node must not run guests any more.

import { HerdError } from "../../src/core/errors.js";

/** The node had to stop a call. The call itself is fine and may run elsewhere. */
export class Preempted extends HerdError {
  constructor() {
    super("node.paused", "the node must not run calls now", { retryAfterSeconds: 5 });
  }
}
