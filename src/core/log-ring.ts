// The last log records of a node in memory, bounded by count and bytes, with subscribers that follow.

/** Levels in rising order of weight. */
export const logLevels = ["trace", "debug", "info", "warn", "error"] as const;

/** How much a record matters. */
export type LogLevel = (typeof logLevels)[number];

/** One line of a guest (with `app`) or of the node itself. `at` is milliseconds since the epoch. */
export interface LogRecord {
  readonly at: number;
  readonly node: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly app?: string;
  readonly revision?: string;
  readonly function?: string;
  readonly invocation?: string;
}

/** Which records to read: of one app, at most the newest `limit`. */
export interface LogQuery {
  readonly app?: string | undefined;
  readonly limit?: number | undefined;
}

/** Bounds of a {@link LogRing}; bytes count two per character of a message plus a fixed share per record. */
export interface LogRingOptions {
  readonly maxRecords?: number;
  readonly maxBytes?: number;
}

const recordOverheadBytes = 200;

/** A bounded memory of log records: the oldest leave first. */
export class LogRing {
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  readonly #listeners = new Set<(record: LogRecord) => void>();
  #records: LogRecord[] = [];
  /** Index of the oldest record that is still kept; what stands before it is cleared in one go now and then. */
  #first = 0;
  #bytes = 0;

  constructor(options: LogRingOptions = {}) {
    this.#maxRecords = options.maxRecords ?? 10_000;
    this.#maxBytes = options.maxBytes ?? 8 * 1024 * 1024;
  }

  /** Keeps a record and hands it to every subscriber. */
  add(record: LogRecord): void {
    this.#records.push(record);
    this.#bytes += sizeOf(record);
    while (this.#records.length - this.#first > this.#maxRecords || this.#bytes > this.#maxBytes) this.#dropOldest();
    if (this.#first > 1_024 && this.#first * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#first);
      this.#first = 0;
    }
    for (const listener of this.#listeners) listener(record);
  }

  /** The newest records that match, oldest first. */
  read(query: LogQuery = {}): LogRecord[] {
    const limit = query.limit ?? this.#maxRecords;
    const found: LogRecord[] = [];
    for (let index = this.#records.length - 1; index >= this.#first && found.length < limit; index--) {
      const record = this.#records[index];
      if (record !== undefined && (query.app === undefined || record.app === query.app)) found.push(record);
    }
    return found.reverse();
  }

  /** Calls `listener` with each record from now on; the returned function ends that. A listener must not throw. */
  subscribe(listener: (record: LogRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #dropOldest(): void {
    const oldest = this.#records[this.#first];
    if (oldest === undefined) return;
    this.#bytes -= sizeOf(oldest);
    // The slot is overwritten so that the message can be collected before the array is compacted.
    this.#records[this.#first++] = undefined as unknown as LogRecord;
  }
}

function sizeOf(record: LogRecord): number {
  return recordOverheadBytes + 2 * record.message.length;
}
