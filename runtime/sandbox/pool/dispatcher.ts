// Dispatch: sends waiting calls to free threads in batches, and takes calls back from threads that end.
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import type { Limits } from "../../../src/core/limits.js";
import type { RevisionCall } from "../call.js";
import { NotStarted, Preempted } from "../failures.js";
import { type DeadlineActions, enforceDeadlines, stuckMs } from "./call-deadlines.js";
import { CallQueue } from "./call-queue.js";
import type { PendingCall } from "./pending-call.js";
import type { PoolThread } from "./pool-thread.js";
import type { EndReason, ThreadEnd } from "./thread-ends.js";
import { Threads } from "./threads.js";

/** Options of a {@link Dispatcher}. `workers` calls run at the same time; one more thread is kept as a spare. */
export interface DispatcherOptions {
  readonly workers: number;
  readonly limits: Limits;
  readonly nodeName: string;
  readonly clock: Clock;
  /** A thread ended through a defect of the node or of its machine. Repeated ends are reported at a bounded rate. */
  onThreadEnd?(end: ThreadEnd): void;
  /** Interval of the watchdog, in milliseconds; see {@link Threads}. */
  readonly watchdogMs?: number;
  /** The module that threads run, for tests of faults. */
  readonly worker?: URL;
}

/** The share of the machine that its owner leaves to calls. */
export interface SandboxShare {
  /** Batches that run at a time, `workers` at most. With 0, calls that are run nevertheless run one at a time. */
  readonly slots: number;
  /** Whether the threads run only while no other program wants the core; ignored on systems other than Linux. */
  readonly idleClass: boolean;
}

/** Interval at which deadlines and running calls are checked while there are calls, in milliseconds. */
const tickMs = 2;
/**
 * To wake a thread costs about as much as this many milliseconds of calls: less work is not shared out among the free
 * threads, and waits for a thread that is about to return.
 */
const wakeMs = 0.4;
/** Short calls count as coming while the last one is not older than this. */
const recentMs = 1_000;
/**
 * Time that a preempted call may still run, in milliseconds. Longer lets more calls end; shorter frees the machine
 * sooner.
 */
const preemptGraceMs = 500;
const maxFailures = 2;

/** The waiting calls and the threads that run them. */
export class Dispatcher {
  readonly threads: Threads;
  readonly #options: DispatcherOptions;
  readonly #queue = new CallQueue();
  #slots: number;
  #turn: NodeJS.Immediate | undefined;
  #tick: NodeJS.Timeout | undefined;
  #lastShortAt = Number.NEGATIVE_INFINITY;
  #drained: (() => void) | undefined;
  readonly #actions: DeadlineActions = {
    putBack: (calls) => this.#queue.putBack(calls),
    lost: (thread, error, reason) => this.#lost(thread, error, reason),
  };

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#slots = options.workers;
    this.threads = new Threads({
      count: options.workers + 1,
      limits: options.limits,
      nodeName: options.nodeName,
      clock: options.clock,
      onReady: () => this.dispatch(),
      onLost: (thread, reason, cause) => this.#lost(thread, workerFailed(cause), reason),
      onEnded: (end) => options.onThreadEnd?.(end),
      watchdogMs: options.watchdogMs,
      worker: options.worker,
    });
  }

  /** Boots the threads; resolves when `workers` of them can run. */
  start(): Promise<void> {
    return this.threads.start(this.#options.workers);
  }

  /** Adds a call to the queue. */
  enqueue(call: PendingCall): void {
    this.#queue.push(call);
    // Calls that arrive in the same turn of the event loop are sent together: no call waits for one that is not there
    // yet.
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.dispatch();
    });
  }

  /** Calls that wait. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Threads with a long call. */
  get longWorkers(): number {
    return this.threads.busy.reduce((count, thread) => count + (thread.isLong ? 1 : 0), 0);
  }

  /** See `Sandbox.stats`. */
  stats(): { slots: number; running: number; queued: number } {
    const running = this.threads.busy.reduce((sum, thread) => sum + thread.pending, 0);
    return { slots: this.threads.isAble ? this.#slots : 0, running, queued: this.#queue.length };
  }

  /** Sets the share that calls may use from now on; running calls continue. */
  allow({ slots, idleClass }: SandboxShare): void {
    if (!(slots >= 0)) throw new RangeError(`${slots} slots`);
    this.#slots = Math.min(Math.floor(slots), this.#options.workers);
    this.threads.setIdleClass(idleClass);
    if (!idleClass) this.#hasten();
    if (this.#queue.length > 0) this.dispatch();
  }

  /** See `Sandbox.preempt`. */
  async preempt(graceMs = preemptGraceMs): Promise<void> {
    for (const call of this.#queue.remove(() => true)) call.fail(new Preempted());
    await Promise.all(this.threads.busy.map((thread) => this.#preempt(thread, graceMs)));
    this.threads.shed();
  }

  /**
   * Load shedding: the revision with the most waiting calls gives way to `call` when that one has less, so that a flood
   * of one app's calls displaces only its own. Throws `node.overloaded` when the call itself has to give way.
   */
  makeRoom(call: RevisionCall, share: { readonly weigh: (call: PendingCall) => number; readonly added: number }): void {
    const full = new NotStarted("busy", `${this.#queue.length} calls are waiting`, { retryAfterSeconds: 1 });
    const loser = this.#queue.giveWay(call.prepared.revision, share);
    if (loser === undefined) throw full;
    loser.fail(full);
  }

  /** Whether any call runs or waits. */
  get isBusy(): boolean {
    return this.threads.busy.length > 0 || this.#queue.length > 0;
  }

  /** Resolves when the last call ends. Each call ends at its deadline, so the bound is only for defects. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      const bound = setTimeout(resolve, this.#options.limits.deadlineMs + stuckMs);
      this.#drained = () => {
        clearTimeout(bound);
        resolve();
      };
    });
  }

  /** Fails the calls that are left with `reason`, and ends the threads. */
  stop(reason: HerdError): Promise<void> {
    clearTimeout(this.#tick);
    for (const thread of [...this.threads.busy]) this.#lost(thread, reason, "deadline");
    for (const call of this.#queue.remove(() => true)) call.fail(reason);
    return this.threads.stop();
  }

  /** Sends waiting calls to the free threads. */
  dispatch(): void {
    const { clock } = this.#options;
    const workers = Math.max(1, this.#slots);
    while (this.#queue.length > 0) {
      const { busy, free } = this.threads;
      const freeWorkers = Math.min(free.length, workers - busy.length);
      if (freeWorkers <= 0) break;
      const now = clock.monotonic();
      const isLittle = this.#queue.fits(wakeMs);
      if (isLittle && busy.some(({ dueAt }) => dueAt > now)) break;
      const reserve = workers > 1 && this.longWorkers >= workers - 1 && now - this.#lastShortAt < recentMs;
      const taken = this.#queue.take({ longAllowed: !reserve, workers: isLittle ? 1 : freeWorkers });
      if (taken.length === 0) break;
      const epoch = clock.now();
      const batch = taken.filter((call) => !call.expire(epoch));
      const [first] = batch;
      if (first === undefined) continue;
      if (!first.queue.isLong) this.#lastShortAt = now;
      const thread = choose(free, first);
      if (thread === undefined) break;
      thread.dueAt = isLittle ? now + wakeMs : 0;
      this.#send(thread, batch);
    }
    this.#arm();
  }

  #send(thread: PoolThread, batch: readonly PendingCall[]): void {
    try {
      void (thread.begin(batch) ?? Promise.resolve()).then(() => this.#returned(thread));
    } catch (cause) {
      this.#lost(thread, workerFailed(cause), "failed");
    }
  }

  #returned(thread: PoolThread): void {
    if (thread.isDead) return;
    const left = thread.finish();
    if (left.length > 0) {
      const none = new HerdError("internal", "the worker returned without a result");
      this.threads.remove(thread, "failed", none);
      for (const call of left) call.fail(none);
    }
    this.threads.renew();
    this.#settled();
  }

  /**
   * Handles a thread that is gone or has to go: the running call fails with `error`, calls that had not started go back
   * to the queue. The loss counts against those, unless the thread had ended before it took them.
   */
  #lost(thread: PoolThread, error: HerdError, reason: EndReason): void {
    if (thread.isDead) return;
    thread.drain();
    thread.collect();
    const waiting = thread.takeBack();
    if (reason !== "exited" || thread.results.isOpened) for (const call of waiting) call.failures++;
    const running = thread.finish();
    // Before any call ends: one that follows in its place must not be sent to this thread.
    this.threads.remove(thread, reason, error.cause);
    this.#queue.putBack(waiting.filter((call) => call.failures < maxFailures));
    for (const call of [...running, ...waiting.filter(({ failures }) => failures >= maxFailures)]) call.fail(error);
    this.#settled();
  }

  async #preempt(thread: PoolThread, graceMs: number): Promise<void> {
    for (const call of thread.takeBack()) call.fail(new Preempted());
    const bound = setTimeout(() => this.#lost(thread, new Preempted(), "evicted"), graceMs);
    await thread.untilFree();
    clearTimeout(bound);
  }

  /** Calls that wait in threads of the idle class need not wait for a core any more: they go to other threads. */
  #hasten(): void {
    for (const thread of this.threads.busy.filter(({ isLowered }) => isLowered)) {
      thread.drain();
      thread.collect();
      this.#queue.putBack(thread.takeBack());
      if (thread.pending === 0) this.#lost(thread, workerFailed(undefined), "given-back");
    }
  }

  #settled(): void {
    this.dispatch();
    if (!this.isBusy) this.#drained?.();
  }

  #arm(): void {
    if (this.#tick !== undefined || !this.isBusy) return;
    this.#tick = setTimeout(() => {
      this.#tick = undefined;
      this.#watch();
      this.#arm();
    }, tickMs);
  }

  /** Checks everything that depends on time: deadlines, calls that hold others up, cancelled calls. */
  #watch(): void {
    const { clock } = this.#options;
    const times = { now: clock.now(), monotonic: clock.monotonic() };
    for (const thread of [...this.threads.busy]) enforceDeadlines(thread, times, this.#actions);
    for (const call of this.#queue.remove((one) => one.isOver(times.now))) call.expire(times.now);
    this.#settled();
  }
}

/**
 * A free thread for a call: one that has loaded its revision, so that few threads hold each of many apps. Long calls
 * take threads from the back, short calls from the front: each kind stays on its threads, and a thread on its core.
 */
function choose(free: readonly PoolThread[], { queue, prepared }: PendingCall): PoolThread | undefined {
  const has = ({ loaded }: PoolThread): boolean => loaded.idOf(prepared.revision) !== undefined;
  return queue.isLong ? (free.findLast(has) ?? free.at(-1)) : (free.find(has) ?? free[0]);
}

function workerFailed(cause: unknown): HerdError {
  return new HerdError("internal", "the worker failed", { cause });
}
