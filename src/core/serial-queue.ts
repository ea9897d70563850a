// Changes one after the other: what reads, decides and writes must not interleave with itself.

/** Runs tasks strictly in the order they came; a task that fails does not hold up the next. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `task` after all earlier ones and settles as it does. */
  run<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when everything that was queued so far has settled. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
