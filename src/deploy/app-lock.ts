// Changes of one app happen one after the other; changes of different apps do not wait for each other.

import { SerialQueue } from "../core/serial-queue.js";

/** Serializes tasks per app. */
export class AppLock {
  readonly #queues = new Map<string, SerialQueue>();

  /** The task's result, once every earlier task of this app ended. */
  async run<Result>(app: string, task: () => Promise<Result>): Promise<Result> {
    const queue = this.#queues.get(app) ?? new SerialQueue();
    this.#queues.set(app, queue);
    try {
      return await queue.run(task);
    } finally {
      // Another one may stand here by now, when this one was empty for a moment.
      if (queue.pending === 0 && this.#queues.get(app) === queue) this.#queues.delete(app);
    }
  }
}
