// Result buffer: memory that the main thread shares with one worker. It shows which call runs, and holds the results of
// those that ended.
//
// A result is written once, where the main thread finds it even if the thread is killed in a later call of the batch.

/** Calls in one batch at most. */
export const maxBatch = 64;

const textBytes = 256 * 1024;
/** Reserved for each call, so that an error always finds room. */
const shortErrorBytes = 256;

/** States of a call in a batch. Only `waiting` can be changed by both sides, and then by compare-and-exchange. */
const state = { waiting: 0, running: 1, done: 2, takenBack: 3 } as const;

const kind = { unset: 0, none: 1, ascii: 2, utf8: 3, error: 4, posted: 5 } as const;

/** How a call ended, as the worker left it. `posted`: the result comes on the port. */
export type BufferedResult =
  | { readonly kind: "json"; readonly json: string | null }
  | { readonly kind: "error"; readonly data: string }
  | { readonly kind: "posted" };

/**
 * One batch's calls in shared memory. The main thread begins batches, takes back and reads; the worker claims and
 * finishes.
 */
export class ResultBuffer {
  readonly shared: SharedArrayBuffer;
  readonly #states: Int32Array;
  readonly #kinds: Int32Array;
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  readonly #runMs: Float64Array;
  readonly #text: Buffer;
  readonly #opened: Int32Array;
  #used = 0;

  /** Allocates the memory when `shared` is not given. */
  constructor(shared?: SharedArrayBuffer) {
    const words = maxBatch * Int32Array.BYTES_PER_ELEMENT;
    const times = maxBatch * Float64Array.BYTES_PER_ELEMENT;
    const text = textBytes + maxBatch * shortErrorBytes;
    this.shared = shared ?? new SharedArrayBuffer(times + 4 * words + text + Int32Array.BYTES_PER_ELEMENT);
    this.#runMs = new Float64Array(this.shared, 0, maxBatch);
    this.#states = new Int32Array(this.shared, times, maxBatch);
    this.#kinds = new Int32Array(this.shared, times + words, maxBatch);
    this.#offsets = new Int32Array(this.shared, times + 2 * words, maxBatch);
    this.#lengths = new Int32Array(this.shared, times + 3 * words, maxBatch);
    this.#text = Buffer.from(this.shared, times + 4 * words, text);
    this.#opened = new Int32Array(this.shared, times + 4 * words + text, 1);
  }

  /** Main: resets every call to waiting and the text to empty. Only while the worker has no batch. */
  begin(): void {
    this.#states.fill(state.waiting);
    Atomics.store(this.#opened, 0, 0);
  }

  /** Main: takes call `index` back; false when the worker has started it. */
  takeBack(index: number): boolean {
    return Atomics.compareExchange(this.#states, index, state.waiting, state.takenBack) === state.waiting;
  }

  /** Main: whether the worker is inside call `index`. */
  isRunning(index: number): boolean {
    return Atomics.load(this.#states, index) === state.running;
  }

  /** Main: whether call `index` ended, so that {@link read} gives its result. */
  isDone(index: number): boolean {
    return Atomics.load(this.#states, index) === state.done;
  }

  /** Main: how call `index` ended. */
  read(index: number): BufferedResult {
    const from = this.#offsets[index] ?? 0;
    const to = from + (this.#lengths[index] ?? 0);
    switch (this.#kinds[index]) {
      case kind.ascii:
        return { kind: "json", json: this.#text.toString("latin1", from, to) };
      case kind.utf8:
        return { kind: "json", json: this.#text.toString("utf8", from, to) };
      case kind.error:
        return { kind: "error", data: this.#text.toString("utf8", from, to) };
      case kind.posted:
        return { kind: "posted" };
      case kind.none:
        return { kind: "json", json: null };
      default:
        // Never the content of an earlier batch: that would be another caller's result.
        return { kind: "error", data: '{"code":"internal","detail":"the worker left no result"}' };
    }
  }

  /** Main: milliseconds that call `index` took. */
  runMs(index: number): number {
    return this.#runMs[index] ?? 0;
  }

  /** Main: whether the worker has taken the batch. */
  get isOpened(): boolean {
    return Atomics.load(this.#opened, 0) === 1;
  }

  /** Worker: takes a new batch, before anything of it can fail. */
  open(): void {
    this.#used = 0;
    Atomics.store(this.#opened, 0, 1);
  }

  /** Worker: begins call `index`; false when the main thread took it back. */
  claim(index: number): boolean {
    if (Atomics.compareExchange(this.#states, index, state.waiting, state.running) !== state.waiting) return false;
    this.#kinds[index] = kind.unset;
    return true;
  }

  /** Worker: writes a result; false when there is no room, and the result must be posted. */
  putJson(index: number, json: string | null): boolean {
    return json === null ? this.#mark(index, kind.none) : this.#put(index, { text: json, isError: false });
  }

  /** Worker: writes an error's data as JSON; false when there is no room. */
  putError(index: number, data: string): boolean {
    return this.#put(index, { text: data, isError: true });
  }

  /** Worker: writes a short error's data as JSON, for which there is always room; throws when it is not short. */
  putShortError(index: number, data: string): void {
    if (data.length * 3 > shortErrorBytes) throw new RangeError("the error is too long");
    const offset = textBytes + index * shortErrorBytes;
    this.#offsets[index] = offset;
    this.#lengths[index] = this.#text.write(data, offset, "utf8");
    this.#mark(index, kind.error);
  }

  /** Worker: marks that the result of call `index` went over the port. */
  putPosted(index: number): void {
    this.#mark(index, kind.posted);
  }

  /** Worker: marks that call `index` ended after `runMs`. Its result must have been put before. */
  finish(index: number, runMs: number): void {
    this.#runMs[index] = runMs;
    Atomics.store(this.#states, index, state.done);
  }

  #put(index: number, { text, isError }: { text: string; isError: boolean }): boolean {
    // UTF-8 needs at most three bytes for one UTF-16 unit.
    if (this.#used + text.length * 3 > textBytes) return false;
    const length = this.#text.write(text, this.#used, "utf8");
    this.#offsets[index] = this.#used;
    this.#lengths[index] = length;
    this.#used += length;
    return this.#mark(index, isError ? kind.error : length === text.length ? kind.ascii : kind.utf8);
  }

  #mark(index: number, value: number): true {
    this.#kinds[index] = value;
    return true;
  }
}
