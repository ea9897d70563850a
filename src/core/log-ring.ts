// The last log records of a node in memory, bounded by count and bytes and shared by apps, with subscribers that
// follow.

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
interface LogQuery {
  readonly app?: string | undefined;
  readonly limit?: number | undefined;
}

/** Bounds of a {@link LogRing}; bytes count two per character of a message plus a fixed share per record. */
interface LogRingOptions {
  readonly maxRecords?: number;
  readonly maxBytes?: number;
}

const recordOverheadBytes = 200;

interface Kept {
  readonly order: number;
  readonly record: LogRecord;
}

/** The records of one app, or of the node itself. */
interface Origin {
  readonly app: string | undefined;
  kept: Kept[];
  /** Index of the oldest record that is still kept; what stands before it is cleared in one go now and then. */
  first: number;
  bytes: number;
}

/**
 * A bounded memory of log records. When it is full, an origin with no less than its share (an app, or the node itself)
 * loses its oldest: an app that logs without end pushes out its own lines.
 */
export class LogRing {
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  readonly #listeners = new Set<(record: LogRecord) => void>();
  readonly #origins = new Map<string | undefined, Origin>();
  /** The largest origin when it was last looked for. */
  #large: Origin | undefined;
  #records = 0;
  #bytes = 0;
  #order = 0;

  constructor(options: LogRingOptions = {}) {
    this.#maxRecords = options.maxRecords ?? 10_000;
    this.#maxBytes = options.maxBytes ?? 8 * 1024 * 1024;
  }

  /** Keeps a record and hands it to every subscriber. */
  add(record: LogRecord): void {
    const origin = this.#originOf(record.app);
    origin.kept.push({ order: this.#order++, record });
    origin.bytes += sizeOf(record);
    this.#records++;
    this.#bytes += sizeOf(record);
    if (this.#large === undefined || origin.bytes > this.#large.bytes) this.#large = origin;
    while (this.#records > this.#maxRecords || this.#bytes > this.#maxBytes) this.#dropOldest(this.#largest(origin));
    for (const listener of this.#listeners) listener(record);
  }

  /** The newest records that match, oldest first. */
  read(query: LogQuery = {}): LogRecord[] {
    const { app, limit = this.#maxRecords } = query;
    const origins = [...this.#origins.values()].filter((origin) => app === undefined || origin.app === app);
    const found = origins.flatMap(({ kept, first }) => kept.slice(Math.max(first, kept.length - limit)));
    found.sort((left, right) => left.order - right.order);
    return found.slice(Math.max(0, found.length - limit)).map(({ record }) => record);
  }

  /** Calls `listener` with each record from now on; the returned function ends that. A listener must not throw. */
  subscribe(listener: (record: LogRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #originOf(app: string | undefined): Origin {
    let origin = this.#origins.get(app);
    if (origin === undefined) {
      origin = { app, kept: [], first: 0, bytes: 0 };
      this.#origins.set(app, origin);
    }
    return origin;
  }

  /** An origin with its share or more; all are looked through only when the one that was the largest has less. */
  #largest(some: Origin): Origin {
    if (this.#large !== undefined && this.#large.bytes * this.#origins.size >= this.#bytes) return this.#large;
    let large = some;
    for (const origin of this.#origins.values()) if (origin.bytes > large.bytes) large = origin;
    this.#large = large;
    return large;
  }

  #dropOldest(origin: Origin): void {
    const oldest = origin.kept[origin.first];
    if (oldest === undefined) return;
    const bytes = sizeOf(oldest.record);
    origin.bytes -= bytes;
    this.#bytes -= bytes;
    this.#records--;
    // The slot is overwritten so that the message can be collected before the array is compacted.
    origin.kept[origin.first++] = undefined as unknown as Kept;
    if (origin.first === origin.kept.length) {
      this.#origins.delete(origin.app);
      if (this.#large === origin) this.#large = undefined;
    } else if (origin.first > 1_024 && origin.first * 2 > origin.kept.length) {
      origin.kept = origin.kept.slice(origin.first);
      origin.first = 0;
    }
  }
}

function sizeOf(record: LogRecord): number {
  return recordOverheadBytes + 2 * record.message.length;
}
