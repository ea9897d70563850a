// Starts parts in order and stops them in reverse, once each, whatever fails on the way.

/** Something that runs between `start` and `stop`; both are idempotent, and `stop` works on what started half. */
export interface Part {
  readonly name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

/** An ordered set of parts with one life: it starts once and stops once. */
export class Lifecycle {
  readonly #parts: readonly Part[];
  /** How many parts, from the first, were started, or began to. */
  #begun = 0;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  /** Starts the parts one after the other. When one fails, stops all that began and throws its error. */
  start(): Promise<void> {
    this.#starting ??= this.#startAll();
    return this.#starting;
  }

  /**
   * Stops every part that began, last first, each even when another failed; a start under way ends after its current
   * part. Throws an AggregateError when a part failed to stop.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #startAll(): Promise<void> {
    for (const part of this.#parts) {
      if (this.#stopping !== undefined) throw new Error(`stopped before ${part.name} started`);
      this.#begun++;
      try {
        await part.start?.();
      } catch (error) {
        // What started this way cannot be used, so a failure to stop it must not hide why.
        const failures = await this.#stopBegun();
        if (failures.length === 0) throw error;
        throw new AggregateError([error, ...failures], `${part.name} did not start: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
  }

  async #stopAll(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const failures = await this.#stopBegun();
    if (failures.length > 0) throw new AggregateError(failures, failures.map(messageOf).join("; "));
  }

  async #stopBegun(): Promise<Error[]> {
    const failures: Error[] = [];
    while (this.#begun > 0) {
      const part = this.#parts[--this.#begun];
      try {
        await part?.stop?.();
      } catch (error) {
        failures.push(new Error(`${part?.name} did not stop: ${messageOf(error)}`, { cause: error }));
      }
    }
    return failures;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
