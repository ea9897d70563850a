// One compilation at a time, and a bounded number that wait: compilers are heavy and uploads are hostile.

import { HerdError } from "../core/errors.js";
import { SerialQueue } from "../core/serial-queue.js";

/** Runs tasks one after the other; refuses with `node.overloaded` when too many wait. */
export class CompileQueue {
  readonly #maxWaiting: number;
  #waiting = 0;
  readonly #queue = new SerialQueue();

  constructor(options: { readonly maxWaiting: number }) {
    this.#maxWaiting = options.maxWaiting;
  }

  /** The task's result, once those before it ended. A task whose signal aborted while it waited does not run. */
  async run<Result>(task: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    if (this.#waiting >= this.#maxWaiting) {
      const detail = `${this.#waiting} uploads wait for the compiler already`;
      throw new HerdError("node.overloaded", detail, { retryAfterSeconds: 5 });
    }
    this.#waiting++;
    try {
      return await this.#queue.run(async () => {
        signal?.throwIfAborted();
        return task();
      });
    } finally {
      this.#waiting--;
    }
  }
}
