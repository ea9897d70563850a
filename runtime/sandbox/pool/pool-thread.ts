// One worker thread as the main thread sees it: its result buffer, its loaded revisions, and the batch that it runs.

import { type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import type { Clock } from "../../../src/core/clock.js";
import { type ErrorData, HerdError } from "../../../src/core/errors.js";
import { NotStarted } from "../failures.js";
import { Inbox } from "../inbox.js";
import type { BatchExtras, CallBody, SideMessage } from "../messages.js";
import { ResultBuffer } from "../result-buffer.js";
import { LoadedRevisions } from "./loaded-revisions.js";
import type { PendingCall } from "./pending-call.js";
import type { EndReason } from "./thread-ends.js";

/** Options of a {@link PoolThread}. */
export interface PoolThreadOptions {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** Threads that the pool keeps alive. */
  readonly threads: number;
  readonly clock: Pick<Clock, "monotonic">;
  /** The thread takes batches; `kernelId` is its id in the kernel, where it has one. */
  onReady(kernelId: number | undefined): void;
  /** A call failed with `internal`: through a defect of the node, not through its guest. */
  onFault(error: HerdError): void;
}

const none: ReadonlySet<string> = new Set();

/** The state of one thread, and the way of batches to it. */
export class PoolThread {
  readonly worker: Worker;
  readonly inbox = new Inbox();
  readonly results = new ResultBuffer();
  readonly loaded: LoadedRevisions;
  /** Aborts the thread's task, and ends the thread with it. */
  readonly kill = new AbortController();
  /** Calls of the batch; undefined once settled or taken back. Empty when the thread is free. */
  #calls: (PendingCall | undefined)[] = [];
  #cold = none;
  #drops: number[] = [];
  readonly #port: MessagePort;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #onReady: PoolThreadOptions["onReady"];
  readonly #onFault: PoolThreadOptions["onFault"];
  /** Large results that arrived before their call was marked as done. */
  readonly #posted = new Map<number, Uint8Array>();
  #settled = 0;
  #runningIndex = -1;
  #runningSince = 0;
  #idle: { readonly pending: number; readonly since: number } | undefined;
  #waiters: (() => void)[] = [];
  /** The kernel's id of the thread, when it is ready and has one. */
  kernelId: number | undefined;
  /** Whether the thread runs only while no other program wants the core. This lasts for the rest of its life. */
  isLowered = false;
  /** Why the thread is replaced as soon as it is free; undefined when it stays. */
  spent: EndReason | undefined;
  /** The defect for which the thread is replaced. */
  fault: unknown;
  /** Batches that ended. */
  batches = 0;
  isFree = true;
  /** Whether an empty batch is in flight: the thread takes no other, and counts as running none. */
  isProbed = false;
  isDead = false;
  /** Monotonic milliseconds until which a batch of little work is expected back; 0 for another one. */
  dueAt = 0;
  /** Whether the batch holds a long call, or a call that turned out to be long. */
  isLong = false;

  constructor({ worker, port, threads, clock, onReady, onFault }: PoolThreadOptions) {
    this.worker = worker;
    this.loaded = new LoadedRevisions(threads);
    this.#port = port;
    this.#clock = clock;
    this.#onReady = onReady;
    this.#onFault = onFault;
    port.on("message", (message: SideMessage) => this.#receive(message));
    port.unref();
  }

  /** Calls sent and neither settled nor taken back. */
  get pending(): number {
    return this.#calls.reduce((count, call) => count + (call === undefined ? 0 : 1), 0);
  }

  /**
   * Sends `calls` to the thread as its batch. The promise resolves when the thread has ended the batch, or is gone;
   * undefined when the thread has ended it already.
   */
  begin(calls: readonly PendingCall[]): Promise<unknown> | undefined {
    this.results.begin();
    this.#calls = [...calls];
    if (this.#posted.size > 0) this.#posted.clear();
    this.isFree = false;
    this.isLong = calls[0]?.queue.isLong ?? false;
    this.#idle = undefined;
    this.#settled = 0;
    this.#runningIndex = -1;
    const now = this.#clock.monotonic();
    const plan = this.loaded.plan(calls);
    this.#cold = plan === undefined ? none : new Set(plan.load.map(({ prepared }) => prepared.revision));
    const bodies = this.#fillInbox(calls, now);
    const hasExtras = plan !== undefined || bodies !== undefined || this.#drops.length > 0;
    if (hasExtras) {
      const drop = [...this.#drops, ...(plan?.drop ?? [])];
      this.#drops = [];
      const extras: BatchExtras = { drop, load: plan?.load ?? [], bodies: bodies ?? new Map() };
      this.#port.postMessage(extras);
    }
    return this.inbox.post(hasExtras);
  }

  /** The bodies that found no room; undefined when all did. */
  #fillInbox(calls: readonly PendingCall[], sentAt: number): Map<number, CallBody> | undefined {
    const { inbox, loaded } = this;
    let bodies: Map<number, CallBody> | undefined;
    inbox.begin();
    for (const [index, pending] of calls.entries()) {
      pending.sentAt = sentAt;
      const { functionIndex, body, call } = pending;
      const revision = loaded.idOf(call.prepared.revision);
      if (revision === undefined) throw new TypeError("a batch has a revision that its plan does not load");
      if (inbox.add({ revision, functionIndex, format: call.arguments.format, body })) continue;
      bodies ??= new Map();
      bodies.set(index, body);
    }
    return bodies;
  }

  /** Sends the empty batch with which the watchdog probes the thread. The promise is that of {@link begin}. */
  probe(): Promise<unknown> | undefined {
    const ended = this.begin([]);
    this.isProbed = true;
    return ended;
  }

  /** Settles the calls that ended. */
  collect(): void {
    for (let index = 0; index < this.#calls.length; index++) {
      if (this.#calls[index] !== undefined && this.results.isDone(index)) this.#settle(index);
    }
  }

  /** Takes back the calls that have not started, in order; with `only`, those for which it returns true. */
  takeBack(only: (call: PendingCall) => boolean = () => true): PendingCall[] {
    const taken: PendingCall[] = [];
    this.#calls.forEach((call, index) => {
      if (call === undefined || !only(call) || !this.results.takeBack(index)) return;
      this.#calls[index] = undefined;
      taken.push(call);
    });
    return taken;
  }

  /** The running call and since when, as far as it was observed; undefined when none runs. */
  watch(now: number): { readonly call: PendingCall; readonly since: number } | undefined {
    const index = this.#calls.findIndex((call, at) => call !== undefined && this.results.isRunning(at));
    const call = this.#calls[index];
    if (call === undefined) return undefined;
    this.#idle = undefined;
    if (index !== this.#runningIndex) {
      this.#runningIndex = index;
      this.#runningSince = now;
    }
    return { call, since: this.#runningSince };
  }

  /**
   * Milliseconds during which no call ran and none ended, as far as it was observed. To be called when {@link watch}
   * finds no call.
   */
  idleMs(now: number): number {
    const { pending } = this;
    if (this.#idle?.pending !== pending) this.#idle = { pending, since: now };
    return now - this.#idle.since;
  }

  /** Whether the thread has begun the batch: one of its calls ended. */
  get hasBegun(): boolean {
    return this.#settled > 0;
  }

  /** Resolves when the batch ends, with or without results. */
  untilFree(): Promise<void> {
    if (this.isFree) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Ends the batch: reads the port, settles, and returns the calls without a result. */
  finish(): PendingCall[] {
    this.drain();
    this.collect();
    const left = this.#calls.filter((call) => call !== undefined);
    this.#calls = [];
    this.isFree = true;
    this.isProbed = false;
    this.isLong = false;
    this.batches++;
    if (this.#waiters.length > 0) for (const resolve of this.#waiters.splice(0)) resolve();
    return left;
  }

  /** Handles the thread's messages without waiting for the event loop. */
  drain(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: SideMessage } | undefined;
      if (received === undefined) return;
      this.#receive(received.message);
    }
  }

  /** Makes the thread drop `revision` with its next batch. */
  forget(revision: string): void {
    const id = this.loaded.forget(revision);
    if (id !== undefined) this.#drops.push(id);
  }

  /** Closes the port: the thread is gone or will be. */
  close(): void {
    this.isDead = true;
    this.#port.close();
    this.inbox.abandon();
  }

  #receive(message: SideMessage): void {
    if (message.kind === "ready") {
      this.#onReady(message.kernelId);
      return;
    }
    if (message.kind === "collect") {
      this.collect();
      return;
    }
    const call = this.#calls[message.index];
    if (call === undefined) return;
    if (message.kind === "result") {
      this.#posted.set(message.index, message.json);
      if (this.results.isDone(message.index)) this.#settle(message.index);
      return;
    }
    call.call.log?.line(message.level, message.message);
  }

  #settle(index: number): void {
    const call = this.#calls[index];
    const ended = this.results.read(index);
    const json = ended.kind === "posted" ? this.#posted.get(index) : ended.kind === "json" ? ended.json : null;
    if (call === undefined || json === undefined) return;
    this.#calls[index] = undefined;
    this.#settled++;
    const runMs = this.results.runMs(index);
    const cold = this.#cold.has(call.prepared.revision);
    const serviceMs = call.queue.observe(runMs, { awayMs: this.#clock.monotonic() - call.sentAt, cold });
    if (ended.kind !== "error") {
      call.succeed(json, { runMs, serviceMs });
      return;
    }
    const error = errorOf(ended.data);
    call.fail(error);
    if (error.fault === "defect") this.#onFault(error);
  }
}

function errorOf(data: string): HerdError {
  try {
    const error = HerdError.fromData(JSON.parse(data) as ErrorData);
    // The thread had no memory for an instance: the call did not run.
    if (error.fault === "node") return new NotStarted("busy", error.message, { ...error.toData(), cause: error });
    return error;
  } catch (cause) {
    return new HerdError("internal", "the worker left an error that cannot be read", { cause });
  }
}
