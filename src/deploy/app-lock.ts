// Changes of one app happen one after the other; changes of different apps do not wait for each other.

/** Serializes tasks per app. */
export class AppLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** The task's result, once every earlier task of this app ended. */
  run<Result>(app: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(app) ?? Promise.resolve();
    const result = before.then(task);
    const tail = result.then(
      () => undefined,
      () => undefined,
    );
    this.#tails.set(app, tail);
    void tail.then(() => {
      if (this.#tails.get(app) === tail) this.#tails.delete(app);
    });
    return result;
  }
}
