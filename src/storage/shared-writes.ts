// What is to be made durable while the disk is busy shares the next write.

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** How a batch is written. */
interface SharedWritesOptions<Item, Result> {
  /**
   * Makes the items durable, in their order, and gives the result of each; what it throws, each of them rejects with.
   */
  write(batch: readonly Item[]): Promise<readonly Result[]>;
  /** Called after each write behind which nothing waits. */
  drained?(): void;
}

/**
 * Group commit: one write at a time, and what came during it, or in the turn in which it was begun, goes together with
 * the next.
 */
export class SharedWrites<Item, Result> {
  readonly #options: SharedWritesOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #running: Promise<void> | undefined;

  constructor(options: SharedWritesOptions<Item, Result>) {
    this.#options = options;
  }

  /** Items whose write has not begun. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether nothing waits and nothing is written. */
  get isIdle(): boolean {
    return this.#running === undefined;
  }

  /** The item's result, once it is durable. */
  add(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#running ??= this.#writeAll();
    });
  }

  /** Resolves once nothing waits and nothing is written. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #writeAll(): Promise<void> {
    // In a turn of its own, so that what comes in this one goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const results = await this.#options.write(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = undefined;
    this.#options.drained?.();
  }
}
