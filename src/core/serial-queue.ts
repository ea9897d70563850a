// Changes one after the other: what reads, decides and writes must not interleave with itself.

/** Runs tasks strictly in the order they came; a task that fails does not hold up the next. */
export class SerialQueue {
  #last: Promise<void> = Promise.resolve();
  #pending = 0;

  /** Tasks that have not settled. */
  get pending(): number {
    return this.#pending;
  }

  /** Runs `task` after all earlier ones and settles as it does. */
  run<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#pending++;
    const result = this.#last.then(task);
    const settled = () => {
      this.#pending--;
    };
    this.#last = result.then(settled, settled);
    return result;
  }

  /** Resolves when everything that was queued so far has settled. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
