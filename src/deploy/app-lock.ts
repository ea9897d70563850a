// Changes of one app happen one after the other; changes of different apps do not wait for each other.

import { SerialQueue } from "../core/serial-queue.js";

/** Runs the tasks of an app one after the other. */
export class AppLock {
  readonly #queues = new Map<string, SerialQueue>();

  /** Runs a task once every earlier task of this app ended, and returns its result. */
  async run<Result>(app: string, task: () => Promise<Result>): Promise<Result> {
    const queue = this.#queues.get(app) ?? new SerialQueue();
    this.#queues.set(app, queue);
    try {
      return await queue.run(task);
    } finally {
      // A later task may be registered by now, when this one's queue was empty for a moment.
      if (queue.pending === 0 && this.#queues.get(app) === queue) this.#queues.delete(app);
    }
  }
}
