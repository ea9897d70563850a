// A call that its node gave back because it must not run guests any more.

import { HerdError } from "../../src/core/errors.js";

/** The node must stop running guests: nothing is wrong with the call, and it may run elsewhere. */
export class Preempted extends HerdError {
  constructor() {
    super("node.overloaded", "the node must not run calls now", { retryAfterSeconds: 5 });
  }
}
