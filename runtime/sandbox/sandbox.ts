// The sandbox of a node: calls in, results out, on a Piscina pool of threads with deadlines that hold.

import type { AppInterface } from "../interface/model.js";
import type { CallResult, RevisionCall } from "./call.js";
import { NotStarted } from "./failures.js";
import { bodySize, Intake } from "./pool/call-intake.js";
import { Dispatcher, type DispatcherOptions, type SandboxShare } from "./pool/dispatcher.js";
import type { CallEnd } from "./pool/pending-call.js";
import type { Threads } from "./pool/threads.js";
import { Preparer } from "./prepare/preparer.js";
import type { PreparedRevision } from "./prepared-revision.js";

/** Options of a sandbox. `workers` calls run at the same time; one more thread is kept as a spare. */
export type SandboxOptions = DispatcherOptions;

/**
 * Load shedding: after this time without a thread that can run, calls are refused instead of kept waiting. A thread
 * boots in a tenth of it.
 */
const goneMs = 2_000;

/**
 * Runs guest calls, each in a pristine instance, within the limits. `start` before `run`; a stopped sandbox stays
 * stopped.
 */
export class Sandbox {
  readonly #options: SandboxOptions;
  readonly #dispatcher: Dispatcher;
  readonly #intake: Intake;
  readonly #preparer: Preparer;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: SandboxOptions) {
    this.#options = options;
    this.#intake = new Intake(options);
    this.#preparer = new Preparer(options);
    this.#dispatcher = new Dispatcher(options);
  }

  /**
   * Boots the threads, including the one for components. Resolves when `workers` of them can run; rejects when they do
   * not boot, or are stopped before.
   */
  start(): Promise<void> {
    if (this.#stopping !== undefined) this.#starting ??= Promise.reject(draining());
    this.#starting ??= this.#boot();
    return this.#starting;
  }

  /** Graceful shutdown: refuses new calls, lets the others end within their deadlines, and ends the threads. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Makes a component ready to run, in a thread of its own. Throws as {@link Preparer.prepare} does. */
  prepare(component: Uint8Array, revision: string): Promise<PreparedRevision> {
    return this.#preparer.prepare(component, revision);
  }

  /** The interface of a component, read in the same thread. Throws as {@link Preparer.inspect} does. */
  inspect(component: Uint8Array): Promise<AppInterface> {
    return this.#preparer.inspect(component);
  }

  /**
   * Resolves when the bytes are a stored source, checked in the same thread. Throws as {@link Preparer.checkSource}
   * does.
   */
  checkSource(source: Uint8Array): Promise<void> {
    return this.#preparer.checkSource(source);
  }

  /**
   * Runs one call. Rejects with a HerdError, or with the reason of its signal when the call was cancelled in the queue.
   */
  run(call: RevisionCall): Promise<CallResult> {
    return new Promise((resolve, reject) => this.begin(call, { resolve, reject }));
  }

  /** The same with callbacks. Throws the error of a call that is not admitted. */
  begin(call: RevisionCall, end: CallEnd): void {
    this.#admit(call);
    this.#dispatcher.enqueue(this.#intake.take(call, end));
  }

  /** Sets the share that calls may use from now on; running calls continue. */
  allow(share: SandboxShare): void {
    this.#dispatcher.allow(share);
  }

  /**
   * Preempts all calls: waiting calls reject with {@link Preempted} at once, running calls after `graceMs` unless they
   * end before. Resolves when none of them is left; later calls are not affected. The memory of warm instances is freed
   * within some seconds.
   */
  preempt(graceMs?: number): Promise<void> {
    return this.#dispatcher.preempt(graceMs);
  }

  /**
   * Load of the sandbox. `slots` are calls that may run at the same time: 0 by {@link allow}, and while no thread can
   * run any. `running` includes all calls that a thread was sent.
   */
  stats(): { slots: number; running: number; queued: number } {
    return this.#dispatcher.stats();
  }

  /** Threads that answer, including the spare one. */
  get threads(): number {
    return this.#dispatcher.threads.able;
  }

  /** False while no thread can run a call: calls wait until a thread was replaced. */
  get isAble(): boolean {
    return this.#dispatcher.threads.isAble;
  }

  /** Threads that ended so far, by reason. */
  get threadEnds(): Threads["ends"] {
    return this.#dispatcher.threads.ends;
  }

  /** Threads with a long call. Of several threads, one is kept free of long calls while others come. */
  get longWorkers(): number {
    return this.#dispatcher.longWorkers;
  }

  /** Frees the memory that is kept for a revision that will not be called any more. */
  forget(revision: string): void {
    this.#intake.forget(revision);
    for (const thread of this.#dispatcher.threads.all) thread.forget(revision);
  }

  #admit(call: RevisionCall): void {
    if (this.#stopping !== undefined) throw draining();
    if (this.#dispatcher.threads.goneMs > goneMs)
      throw new NotStarted("busy", "no worker can run", { code: "node.unavailable", retryAfterSeconds: 1 });
    this.#intake.admit(call);
    // Calls of this turn of the event loop may still wait for its end while threads are free.
    const { queueLength } = this.#options.limits;
    if (this.#dispatcher.queued >= queueLength) this.#dispatcher.dispatch();
    while (this.#dispatcher.queued >= queueLength) this.#dispatcher.makeRoom(call, { weigh: () => 1, added: 1 });
    while (this.#intake.isOver(call)) {
      this.#dispatcher.makeRoom(call, { weigh: bodySize, added: call.arguments.body.length });
    }
  }

  #boot(): Promise<void> {
    this.#preparer.start();
    return this.#dispatcher.start();
  }

  async #stop(): Promise<void> {
    if (this.#dispatcher.isBusy) await this.#dispatcher.drain();
    await Promise.all([this.#dispatcher.stop(draining()), this.#preparer.stop()]);
  }
}

function draining(): NotStarted {
  return new NotStarted("draining", "the node is stopping", { retryAfterSeconds: 1 });
}
