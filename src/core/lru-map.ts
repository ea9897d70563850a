// A bounded map that drops the least recently used entry, for what strangers can make grow.

/** At most `limit` entries. Iterates from the least recently used entry to the latest. */
export class LruMap<Key, Value> {
  readonly #limit: number;
  /** In order of use, the latest last: a `Map` keeps the order of insertion. */
  readonly #entries = new Map<Key, Value>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key, which counts as a use. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** The value of a key; the order stays. */
  peek(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  /** Sets a value, which counts as a use; over the limit the least recently used entry goes. */
  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#entries[Symbol.iterator]();
  }
}
