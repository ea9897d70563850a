// Virtual time and chance from one seed, for nodes that live in one process.

import type { Random } from "../../../src/core/timers.js";
import { seeded, VirtualTime } from "./virtual-time.js";

/** What the nodes of a test share. */
export class World extends VirtualTime {
  readonly random: Random;

  constructor(seed: number) {
    super();
    this.random = seeded(seed);
  }

  /** Lets time pass until the promise settled; throws after a minute. */
  async settle<Value>(promise: Promise<Value>): Promise<Value> {
    let done = false;
    const end = (): void => {
      done = true;
    };
    promise.then(end, end);
    await this.until(() => done, { ms: 60_000, what: "a promise that settles" });
    return promise;
  }
}
