// One worker thread as the main thread sees it: its result buffer, its loaded revisions, and the batch that it runs.

import { type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import type { Clock } from "../../../src/core/clock.js";
import { type ErrorData, HerdError } from "../../../src/core/errors.js";
import { NotStarted } from "../failures.js";
import type { LogLevel } from "../host-functions.js";
import type { Batch, SideMessage } from "../messages.js";
import { ResultBuffer } from "../result-buffer.js";
import { LoadedRevisions } from "./loaded-revisions.js";
import type { PendingCall } from "./pending-call.js";
import type { EndReason } from "./thread-ends.js";

/** A log line of a guest. */
export interface GuestLogLine {
  readonly revision: string;
  readonly function: string;
  readonly invocation: string;
  readonly level: LogLevel;
  readonly message: string;
}

/** Options of a {@link PoolThread}. */
export interface PoolThreadOptions {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly clock: Pick<Clock, "monotonic">;
  onLog(line: GuestLogLine): void;
  /** A call failed with `internal`: through a defect of the node, not through its guest. */
  onFault(error: HerdError): void;
}

/** The state of one thread. It sends nothing itself: the pool posts the batch that {@link begin} returns. */
export class PoolThread {
  readonly worker: Worker;
  readonly results = new ResultBuffer();
  readonly loaded = new LoadedRevisions();
  /** Aborts the current task, and ends the thread with it. */
  readonly kill = new AbortController();
  /** Calls of the batch; undefined once settled or taken back. Empty when the thread is free. */
  #calls: (PendingCall | undefined)[] = [];
  #cold: ReadonlySet<string> = new Set();
  #drops: string[] = [];
  readonly #port: MessagePort;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #onLog: PoolThreadOptions["onLog"];
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
  /** Whether the batch holds a long call, or a call that turned out to be long. */
  isLong = false;

  constructor({ worker, port, clock, onLog, onFault }: PoolThreadOptions) {
    this.worker = worker;
    this.#port = port;
    this.#clock = clock;
    this.#onLog = onLog;
    this.#onFault = onFault;
    port.on("message", (message: SideMessage) => this.#receive(message));
    port.unref();
  }

  /** Calls sent and neither settled nor taken back. */
  get pending(): number {
    return this.#calls.reduce((count, call) => count + (call === undefined ? 0 : 1), 0);
  }

  /** Takes `calls` as its batch and returns the message to post. */
  begin(calls: readonly PendingCall[]): Batch {
    this.results.begin();
    this.#calls = [...calls];
    this.#posted.clear();
    this.isFree = false;
    this.isLong = calls[0]?.queue.isLong ?? false;
    this.#idle = undefined;
    this.#settled = 0;
    this.#runningIndex = -1;
    const now = this.#clock.monotonic();
    for (const call of calls) call.sentAt = now;
    const messages = calls.map(({ message }) => message);
    const plan = this.loaded.plan(calls.map(({ prepared }) => prepared));
    this.#cold = new Set(plan?.load.map(({ revision }) => revision));
    if (plan === undefined && this.#drops.length === 0) return { calls: messages };
    const drop = [...this.#drops, ...(plan?.drop ?? [])];
    this.#drops = [];
    return { calls: messages, load: plan?.load ?? [], drop };
  }

  /** The empty batch with which the watchdog probes the thread. */
  probe(): Batch {
    const batch = this.begin([]);
    this.isProbed = true;
    return batch;
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
    if (this.loaded.forget(revision)) this.#drops.push(revision);
  }

  /** Closes the port: the thread is gone or will be. */
  close(): void {
    this.isDead = true;
    this.#port.close();
  }

  #receive(message: SideMessage): void {
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
    const { revision } = call.prepared;
    const { level, message: text } = message;
    this.#onLog({ revision, function: call.function, invocation: call.id, level, message: text });
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
