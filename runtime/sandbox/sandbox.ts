// The sandbox of a node: calls in, results out, on a Piscina pool of threads with deadlines that hold.
import type { Clock } from "../../src/core/clock.js";
import { HerdError } from "../../src/core/errors.js";
import type { Limits } from "../../src/core/limits.js";
import type { AppInterface } from "../interface/model.js";
import type { CallResult, RevisionCall } from "./call.js";
import { CallQueue } from "./pool/call-queue.js";
import { bodySize, Intake, overloaded } from "./pool/intake.js";
import type { PendingCall } from "./pool/pending-call.js";
import type { GuestLogLine, PoolThread } from "./pool/pool-thread.js";
import type { EndReason, ThreadEnd } from "./pool/thread-ends.js";
import { Threads } from "./pool/threads.js";
import { Preempted } from "./preempted.js";
import { Preparer } from "./prepare/preparer.js";
import type { PreparedRevision } from "./prepared-revision.js";

/** What a sandbox is made with. `workers` calls run at the same time; one more thread is kept as a spare. */
export interface SandboxOptions {
  readonly workers: number;
  readonly limits: Limits;
  readonly nodeName: string;
  readonly clock: Clock;
  onLog(line: GuestLogLine): void;
  /** A thread ended through a defect of the node or of its machine; not every one is told. */
  onThreadEnd?(end: ThreadEnd): void;
  /** How often threads are looked after, in milliseconds; see {@link Threads}. */
  readonly watchdogMs?: number;
  /** The module that threads run, for tests of faults. */
  readonly worker?: URL;
}

/** What the owner of the machine leaves to calls. */
export interface SandboxShare {
  /** Batches that run at a time, `workers` at most. With none, what is run all the same runs one at a time. */
  readonly slots: number;
  /** Whether the threads run only when nobody else wants the core; ignored on systems other than Linux. */
  readonly idleClass: boolean;
}

/** While calls are under way, how often they are looked after. */
const tickMs = 2;
/** A call that runs longer gives back those that wait behind it, and its thread counts as long. */
const holdUpMs = 2;
/** A thread that has nothing left to run but does not return is replaced. */
const stuckMs = 1_000;
/** The same in the idle class, where a thread waits until nobody else wants the core. */
const stuckLoweredMs = 10_000;
/** Waking a thread costs about as much as this many milliseconds of calls: less is not shared out among the free ones. */
const wakeMs = 0.4;
/** Short calls count as coming while the last one is not older. */
const recentMs = 1_000;
/** What an evicted call may still run. */
const preemptGraceMs = 500;
/** What a call may run, its caller answered, before its thread is ended: with the tick well within deadline + 50 ms. */
const graceMs = 40;
const maxFailures = 2;
/**
 * After so long without a thread that can run, calls are refused instead of kept waiting. A thread boots in a tenth of
 * that.
 */
const goneMs = 2_000;

/** Runs guest calls, each in a pristine instance, within the limits. `start` before `run`; a stopped one stays stopped. */
export class Sandbox {
  readonly #options: SandboxOptions;
  readonly #threads: Threads;
  readonly #queue = new CallQueue();
  readonly #intake: Intake;
  readonly #preparer: Preparer;
  #slots: number;
  #turn: NodeJS.Immediate | undefined;
  #tick: NodeJS.Timeout | undefined;
  #lastShortAt = Number.NEGATIVE_INFINITY;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(options: SandboxOptions) {
    this.#options = options;
    this.#intake = new Intake(options);
    this.#preparer = new Preparer(options);
    this.#slots = options.workers;
    this.#threads = new Threads({
      count: options.workers + 1,
      limits: options.limits,
      nodeName: options.nodeName,
      clock: options.clock,
      onLog: (line) => options.onLog(line),
      onReady: () => this.#dispatch(),
      onLost: (thread, reason, cause) => this.#lost(thread, workerFailed(cause), reason),
      onEnded: (end) => options.onThreadEnd?.(end),
      watchdogMs: options.watchdogMs,
      worker: options.worker,
    });
  }

  /**
   * Boots the threads, that for components too; resolves when `workers` of them can run, rejects when they do not boot
   * or are stopped before.
   */
  start(): Promise<void> {
    if (this.#stopping !== undefined) this.#starting ??= Promise.reject(draining());
    this.#starting ??= this.#boot();
    return this.#starting;
  }

  /** Refuses new calls, lets the others end within their deadlines, and ends the threads. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A component as it can be run, looked at in a thread of its own. Throws as {@link Preparer.prepare} does. */
  prepare(component: Uint8Array, revision: string): Promise<PreparedRevision> {
    return this.#preparer.prepare(component, revision);
  }

  /** The interface of a component, read in the same thread. Throws as {@link Preparer.inspect} does. */
  inspect(component: Uint8Array): Promise<AppInterface> {
    return this.#preparer.inspect(component);
  }

  /** Whether bytes are a stored source, in the same thread. Throws as {@link Preparer.checkSource} does. */
  checkSource(source: Uint8Array): Promise<void> {
    return this.#preparer.checkSource(source);
  }

  /** Runs one call. Rejects with a HerdError, or with the reason of its signal when that left the queue with it. */
  run(call: RevisionCall): Promise<CallResult> {
    return new Promise((resolve, reject) => {
      this.#admit(call);
      this.#queue.push(this.#intake.take(call, { resolve, reject }));
      // What else came with the same turn of the event loop goes over together: nothing waits for what is not there yet.
      this.#turn ??= setImmediate(() => {
        this.#turn = undefined;
        this.#dispatch();
      });
    });
  }

  /** What calls may use from now on; those that run go on. */
  allow({ slots, idleClass }: SandboxShare): void {
    if (!(slots >= 0)) throw new RangeError(`${slots} slots`);
    this.#slots = Math.min(Math.floor(slots), this.#options.workers);
    this.#threads.setIdleClass(idleClass);
    if (!idleClass) this.#hasten();
    if (this.#queue.length > 0) this.#dispatch();
  }

  /**
   * Gives back all calls there are: those that wait reject with {@link Preempted} at once, those that run after `graceMs` unless they
   * end before. Resolves when none of them is left; calls that come later are not affected. The memory of warm instances goes too:
   * within some seconds.
   */
  async preempt(graceMs = preemptGraceMs): Promise<void> {
    this.#queue.sweep((call) => {
      call.fail(new Preempted());
      return true;
    });
    await Promise.all(this.#threads.busy.map((thread) => this.#preempt(thread, graceMs)));
    this.#threads.shed();
  }

  /**
   * Slots are calls that may run at the same time, 0 when {@link allow} said so and while no thread can run any;
   * running includes what a thread was sent.
   */
  stats(): { slots: number; running: number; queued: number } {
    const running = this.#threads.busy.reduce((sum, thread) => sum + thread.pending, 0);
    return { slots: this.#threads.isAble ? this.#slots : 0, running, queued: this.#queue.length };
  }

  /** Threads that answer, the spare one included. */
  get threads(): number {
    return this.#threads.able;
  }

  /** False while no thread can run anything: calls wait until one was replaced. */
  get isAble(): boolean {
    return this.#threads.isAble;
  }

  /** Threads that ended so far, by reason. */
  get threadEnds(): Threads["ends"] {
    return this.#threads.ends;
  }

  /** Threads that have a long call. One of several is kept free of such calls while others come. */
  get longWorkers(): number {
    return this.#threads.busy.reduce((count, thread) => count + (thread.isLong ? 1 : 0), 0);
  }

  /** Frees what is kept of a revision that will not be called any more. */
  forget(revision: string): void {
    this.#intake.forget(revision);
    for (const thread of this.#threads.all) thread.forget(revision);
  }

  #admit(call: RevisionCall): void {
    if (this.#stopping !== undefined) throw draining();
    if (this.#threads.goneMs > goneMs) throw overloaded("no worker can run");
    this.#intake.admit(call);
    // What came with this turn of the event loop may still wait for its end while threads are free.
    const { queueLength } = this.#options.limits;
    if (this.#queue.length >= queueLength) this.#dispatch();
    while (this.#queue.length >= queueLength) this.#makeRoom(call, { weigh: () => 1, added: 1 });
    while (this.#intake.isOver(call)) this.#makeRoom(call, { weigh: bodySize, added: call.arguments.body.length });
  }

  /** The revision with the most of what waits gives way to one with less: a flood of one app's calls is its own. */
  #makeRoom(
    call: RevisionCall,
    share: { readonly weigh: (call: PendingCall) => number; readonly added: number },
  ): void {
    const full = overloaded(`${this.#queue.length} calls are waiting`);
    const loser = this.#queue.giveWay(call.prepared.revision, share);
    if (loser === undefined) throw full;
    loser.fail(full);
  }

  /** Sends what may go to the free threads. */
  #dispatch(): void {
    const { clock } = this.#options;
    const workers = Math.max(1, this.#slots);
    while (this.#queue.length > 0) {
      const { busy, free } = this.#threads;
      const freeWorkers = Math.min(free.length, workers - busy.length);
      if (freeWorkers <= 0) break;
      const now = clock.monotonic();
      const reserve = workers > 1 && this.longWorkers >= workers - 1 && now - this.#lastShortAt < recentMs;
      const taken = this.#queue.take({ longAllowed: !reserve, workers: this.#queue.fits(wakeMs) ? 1 : freeWorkers });
      if (taken.length === 0) break;
      const epoch = clock.now();
      const batch = taken.filter((call) => !call.expire(epoch));
      const [first] = batch;
      if (first === undefined) continue;
      if (!first.queue.isLong) this.#lastShortAt = now;
      // Long calls from the back, short ones from the front: each stays on its thread, and the thread on its core.
      const thread = first.queue.isLong ? free.at(-1) : free[0];
      if (thread === undefined) break;
      this.#send(thread, batch);
    }
    this.#arm();
  }

  #send(thread: PoolThread, batch: readonly PendingCall[]): void {
    const message = thread.begin(batch);
    this.#threads.run(thread, message).then(
      () => this.#returned(thread),
      (cause) => this.#lost(thread, workerFailed(cause), "failed"),
    );
  }

  #returned(thread: PoolThread): void {
    if (thread.isDead) return;
    const left = thread.finish();
    if (left.length > 0) {
      const none = new HerdError("internal", "the worker returned without a result");
      for (const call of left) call.fail(none);
      this.#threads.remove(thread, "failed", none);
    }
    this.#threads.renew();
    this.#settled();
  }

  #boot(): Promise<void> {
    this.#preparer.start();
    return this.#threads.start(this.#options.workers);
  }

  /** The thread is gone or has to go: what ran fails with `error`, what had not started goes elsewhere. */
  #lost(thread: PoolThread, error: HerdError, reason: EndReason): void {
    if (thread.isDead) return;
    thread.drain();
    thread.collect();
    const waiting = thread.takeBack();
    for (const call of waiting) call.failures++;
    for (const call of thread.finish()) call.fail(error);
    for (const call of waiting) if (call.failures >= maxFailures) call.fail(error);
    this.#threads.remove(thread, reason, error.cause);
    this.#queue.putBack(waiting.filter((call) => call.failures < maxFailures));
    this.#settled();
  }

  async #preempt(thread: PoolThread, graceMs: number): Promise<void> {
    for (const call of thread.takeBack()) call.fail(new Preempted());
    const bound = setTimeout(() => this.#lost(thread, new Preempted(), "evicted"), graceMs);
    await thread.untilFree();
    clearTimeout(bound);
  }

  /** What waits in threads of the idle class need not wait for a core any more: it goes elsewhere. */
  #hasten(): void {
    for (const thread of this.#threads.busy.filter(({ isLowered }) => isLowered)) {
      thread.collect();
      this.#queue.putBack(thread.takeBack());
      if (thread.pending === 0) this.#lost(thread, workerFailed(undefined), "given-back");
    }
  }

  #settled(): void {
    this.#dispatch();
    if (this.#threads.busy.length === 0 && this.#queue.length === 0) this.#drained?.();
  }

  #arm(): void {
    const { busy } = this.#threads;
    if (this.#tick !== undefined || (busy.length === 0 && this.#queue.length === 0)) return;
    this.#tick = setTimeout(() => {
      this.#tick = undefined;
      this.#watch();
      this.#arm();
    }, tickMs);
  }

  /** Everything that depends on time: deadlines, calls that hold others up, cancelled ones. */
  #watch(): void {
    const { clock } = this.#options;
    const times = { now: clock.now(), monotonic: clock.monotonic() };
    for (const thread of [...this.#threads.busy]) this.#watchThread(thread, times);
    this.#queue.sweep((call) => call.expire(times.now));
    this.#settled();
  }

  #watchThread(thread: PoolThread, { now, monotonic }: { now: number; monotonic: number }): void {
    // The lines of a call stand before its end: on the port, not in the results.
    thread.drain();
    thread.collect();
    const running = thread.watch(monotonic);
    if (running === undefined) {
      this.#watchIdle(thread, { now, monotonic });
      return;
    }
    const { call, since } = running;
    if (call.deadline <= now) {
      const late = new HerdError("function.deadline", `${call.function} did not end within its deadline`);
      call.fail(late);
      // A caller's short deadline must not cost the node a thread that is about to be free.
      if (monotonic - since > graceMs) {
        this.#lost(thread, late, "deadline");
        return;
      }
    }
    if (monotonic - since <= holdUpMs) return;
    thread.isLong = true;
    this.#queue.putBack(thread.takeBack());
  }

  /**
   * Between two calls the thread may make an instance, and the guest's start with it may take for ever: what waits behind
   * goes elsewhere. A thread that has not begun is only slow to wake: to take its calls at once would gain nothing.
   */
  #watchIdle(thread: PoolThread, { now, monotonic }: { now: number; monotonic: number }): void {
    const idleMs = thread.idleMs(monotonic);
    const boundMs = thread.isLowered ? stuckLoweredMs : stuckMs;
    for (const call of thread.takeBack(({ deadline }) => deadline <= now)) call.expire(now);
    const isHeldUp = idleMs > (thread.hasBegun ? holdUpMs : boundMs);
    const waiting = isHeldUp ? thread.takeBack() : [];
    if (waiting.length > 0) {
      thread.isLong = true;
      this.#queue.putBack(waiting);
    } else if (idleMs > boundMs) {
      // What is left ended without a result that can be read, or there is nothing left.
      this.#lost(thread, new HerdError("internal", "the worker did not come back"), "stuck");
    }
  }

  async #stop(): Promise<void> {
    if (this.#threads.busy.length > 0 || this.#queue.length > 0) await this.#drain();
    clearTimeout(this.#tick);
    for (const thread of [...this.#threads.busy]) this.#lost(thread, draining(), "deadline");
    this.#queue.sweep((call) => {
      call.fail(draining());
      return true;
    });
    await Promise.all([this.#threads.stop(), this.#preparer.stop()]);
  }

  /** Waits for the calls; each ends at its deadline, so the bound is for what goes wrong. */
  #drain(): Promise<void> {
    return new Promise((resolve) => {
      const bound = setTimeout(resolve, this.#options.limits.deadlineMs + stuckMs);
      this.#drained = () => {
        clearTimeout(bound);
        resolve();
      };
    });
  }
}

function draining(): HerdError {
  return new HerdError("node.draining", "the node is stopping", { retryAfterSeconds: 1 });
}

function workerFailed(cause: unknown): HerdError {
  return new HerdError("internal", "the worker failed", { cause });
}
