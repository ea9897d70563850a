// Waiting calls: a queue per function, served in turns, and the rule for which calls form a batch.
import { maxBatch } from "../result-buffer.js";
import type { FunctionQueue, PendingCall } from "./pending-call.js";

/** Expected time of all calls in a batch, in milliseconds. */
const batchBudgetMs = 1;
/** Cost of a call beside its own run, in milliseconds. */
const overheadMs = 0.003;

/** Limits of the next batch. */
export interface TakeOptions {
  /** False while the last worker is kept free of long calls. */
  readonly longAllowed: boolean;
  /** Workers that share the waiting calls. */
  readonly workers: number;
}

/** All waiting calls of a sandbox. */
export class CallQueue {
  /** Functions with waiting calls, the next to be served first. */
  #ring: FunctionQueue[] = [];
  #length = 0;

  /** Calls that wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds a call behind the others of its function. */
  push(call: PendingCall): void {
    if (call.queue.calls.push(call) === 1) this.#ring.push(call.queue);
    this.#length++;
  }

  /** Puts calls that were sent before back to the front, in their order. */
  putBack(calls: readonly PendingCall[]): void {
    for (const call of calls.toReversed()) {
      if (call.queue.calls.unshift(call) === 1) this.#ring.unshift(call.queue);
      this.#length++;
    }
  }

  /** Whether all waiting calls are small and together take no longer than `limitMs`. */
  fits(limitMs: number): boolean {
    if (this.#length > maxBatch) return false;
    let expectedMs = 0;
    for (const queue of this.#ring) {
      if (!queue.isSmall) return false;
      expectedMs += queue.calls.length * ((queue.meanMs ?? 0) + overheadMs);
    }
    return expectedMs <= limitMs;
  }

  /** The next batch: one call, or several small ones within the budget; empty when no call may run. */
  take({ longAllowed, workers }: TakeOptions): PendingCall[] {
    const first = this.#ring.findIndex((queue) => longAllowed || !queue.isLong);
    if (first < 0) return [];
    const share = Math.min(maxBatch, Math.ceil(this.#length / workers));
    const batch: PendingCall[] = [];
    let expectedMs = 0;
    for (let index = first; index < this.#ring.length && batch.length < share; index++) {
      const queue = this.#ring[index];
      if (queue === undefined || (batch.length > 0 && !queue.isSmall)) continue;
      let taken = 0;
      while (taken < queue.calls.length && batch.length < share) {
        expectedMs += (queue.meanMs ?? 0) + overheadMs;
        const call = queue.calls[taken];
        if (call === undefined || (batch.length > 0 && expectedMs > batchBudgetMs)) break;
        batch.push(call);
        taken++;
        if (!queue.isSmall) break;
      }
      queue.calls.splice(0, taken);
      if (!queue.isSmall || expectedMs > batchBudgetMs) break;
    }
    this.#length -= batch.length;
    this.#turn(batch);
    return batch;
  }

  /**
   * Load shedding: takes the latest call of the revision with the most waiting calls, from that revision's largest
   * queue. `weigh` weighs a call. Undefined when `revision`, with `added` to its own weight, would have as much. Reads
   * all waiting calls: for a full queue only.
   */
  giveWay(
    revision: string,
    { weigh, added }: { readonly weigh: (call: PendingCall) => number; readonly added: number },
  ): PendingCall | undefined {
    const weights = new Map<string, { weight: number; largest: FunctionQueue; largestWeight: number }>();
    for (const queue of this.#ring) {
      const [first] = queue.calls;
      if (first === undefined) continue;
      const sum = queue.calls.reduce((total, call) => total + weigh(call), 0);
      const known = weights.get(first.prepared.revision);
      const [largest, largestWeight] =
        known !== undefined && sum <= known.largestWeight ? [known.largest, known.largestWeight] : [queue, sum];
      weights.set(first.prepared.revision, { weight: (known?.weight ?? 0) + sum, largest, largestWeight });
    }
    const own = weights.get(revision)?.weight ?? 0;
    const [most] = [...weights.values()].sort((left, right) => right.weight - left.weight);
    if (most === undefined || most.weight <= own + added) return undefined;
    const call = most.largest.calls.pop();
    if (call === undefined) return undefined;
    this.#length--;
    if (most.largest.calls.length === 0) this.#ring = this.#ring.filter((queue) => queue !== most.largest);
    return call;
  }

  /**
   * Removes the calls for which `which` returns true, and returns them. To settle one may add another: not within
   * `which`.
   */
  remove(which: (call: PendingCall) => boolean): PendingCall[] {
    const removed: PendingCall[] = [];
    for (const queue of this.#ring) {
      const kept: PendingCall[] = [];
      for (const call of queue.calls) (which(call) ? removed : kept).push(call);
      queue.calls.splice(0, queue.calls.length, ...kept);
    }
    this.#length -= removed.length;
    this.#ring = this.#ring.filter((queue) => queue.calls.length > 0);
    return removed;
  }

  /** Functions that were served go behind the others. */
  #turn(batch: readonly PendingCall[]): void {
    const served = new Set(batch.map(({ queue }) => queue));
    const waiting = this.#ring.filter((queue) => queue.calls.length > 0);
    this.#ring = [...waiting.filter((queue) => !served.has(queue)), ...waiting.filter((queue) => served.has(queue))];
  }
}
