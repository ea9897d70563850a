// Inbox of a worker thread: memory in which the main thread leaves the next batch, and two words on which the sides
// wait.
//
// A batch costs a copy of its arguments and one futex call each way: 12 µs there and back. As a message it would cost a
// structured clone and an event each way: 40 µs.

import type { ArgumentFormat } from "./call.js";
import type { CallMessage } from "./messages.js";
import { maxBatch } from "./result-buffer.js";

/** Room for the bodies of a batch, in bytes. */
const textBytes = 256 * 1024;
/** Words of a call. */
const fields = { revision: 0, function: 1, body: 2, from: 3, length: 4, count: 5 } as const;
/** Words before those of the calls. `posted` and `ended` count batches. */
const places = { posted: 0, ended: 1, calls: 2, hasExtras: 3, first: 4 } as const;
const words = places.first + fields.count * maxBatch;

/** How a body lies in the text: `extra` is one that came with the {@link BatchExtras}. */
const encodings = { ascii: 0, utf8: 1, extra: 2 } as const;
const encodingMask = 3;
const queryBit = 4;

/** One thread's inbox. The main thread writes while the thread has no batch. */
export class Inbox {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #text: Buffer;
  #used = 0;
  #calls = 0;
  #seen = 0;
  #abandoned = false;

  /** Allocates the memory when `shared` is not given. */
  constructor(shared?: SharedArrayBuffer) {
    const wordBytes = words * Int32Array.BYTES_PER_ELEMENT;
    this.shared = shared ?? new SharedArrayBuffer(wordBytes + textBytes);
    this.#words = new Int32Array(this.shared, 0, words);
    this.#text = Buffer.from(this.shared, wordBytes, textBytes);
  }

  /** Main: begins a new batch. */
  begin(): void {
    this.#used = 0;
    this.#calls = 0;
  }

  /** Main: adds a call; false when its body has to go with the extras. At most {@link maxBatch} calls. */
  add({ revision, functionIndex, format, body }: CallMessage): boolean {
    const at = places.first + this.#calls++ * fields.count;
    const ints = this.#words;
    const formatBits = format === "query" ? queryBit : 0;
    ints[at + fields.revision] = revision;
    ints[at + fields.function] = functionIndex;
    // UTF-8 needs at most three bytes for one UTF-16 unit.
    if (typeof body !== "string" || this.#used + body.length * 3 > textBytes) {
      ints[at + fields.body] = formatBits | encodings.extra;
      return false;
    }
    const length = this.#text.write(body, this.#used, "utf8");
    ints[at + fields.body] = formatBits | (length === body.length ? encodings.ascii : encodings.utf8);
    ints[at + fields.from] = this.#used;
    ints[at + fields.length] = length;
    this.#used += length;
    return true;
  }

  /**
   * Main: wakes the thread for the batch; extras must have been posted before. The promise resolves when the thread has
   * ended the batch, or at {@link abandon}; undefined when the thread has ended it already.
   */
  post(hasExtras: boolean): Promise<unknown> | undefined {
    const ints = this.#words;
    ints[places.calls] = this.#calls;
    ints[places.hasExtras] = hasExtras ? 1 : 0;
    const before = Atomics.load(ints, places.ended);
    Atomics.add(ints, places.posted, 1);
    Atomics.notify(ints, places.posted, 1);
    return this.#untilEnded(before);
  }

  /** Resolves when more than `before` batches have ended; undefined when they have. */
  #untilEnded(before: number): Promise<unknown> | undefined {
    const ended = Atomics.waitAsync(this.#words, places.ended, before);
    if (!ended.async) return undefined;
    // The thread counts a batch and then notifies: a notice that comes late is that of the batch before.
    const isStale = (): boolean => !this.#abandoned && Atomics.load(this.#words, places.ended) === before;
    return ended.value.then(() => (isStale() ? this.#untilEnded(before) : undefined));
  }

  /** Main: resolves the promise of a batch whose thread is gone; V8 would keep it for ever. */
  abandon(): void {
    this.#abandoned = true;
    Atomics.notify(this.#words, places.ended);
  }

  /** Worker: blocks until there is another batch; false when there was none for `boundMs` milliseconds. */
  wait(boundMs = Number.POSITIVE_INFINITY): boolean {
    // A notice may come late here too, that of a batch which was seen without it.
    while (Atomics.load(this.#words, places.posted) === this.#seen)
      if (Atomics.wait(this.#words, places.posted, this.#seen, boundMs) === "timed-out") return false;
    this.#seen = Atomics.load(this.#words, places.posted);
    return true;
  }

  /** Worker: calls of the batch. */
  get calls(): number {
    return this.#words[places.calls] ?? 0;
  }

  /** Worker: whether extras of the batch are on the port. */
  get hasExtras(): boolean {
    return this.#words[places.hasExtras] === 1;
  }

  /** Worker: call `index`; `body` is undefined when it is among the extras. */
  read(index: number): Omit<CallMessage, "body"> & { readonly body: string | undefined } {
    const at = places.first + index * fields.count;
    const ints = this.#words;
    const bits = ints[at + fields.body] ?? 0;
    const from = ints[at + fields.from] ?? 0;
    const to = from + (ints[at + fields.length] ?? 0);
    const encoding = bits & encodingMask;
    const format: ArgumentFormat = (bits & queryBit) === 0 ? "json" : "query";
    return {
      revision: ints[at + fields.revision] ?? 0,
      functionIndex: ints[at + fields.function] ?? 0,
      format,
      body:
        encoding === encodings.extra
          ? undefined
          : this.#text.toString(encoding === encodings.ascii ? "latin1" : "utf8", from, to),
    };
  }

  /** Worker: the batch ended. */
  end(): void {
    Atomics.add(this.#words, places.ended, 1);
    Atomics.notify(this.#words, places.ended);
  }
}
