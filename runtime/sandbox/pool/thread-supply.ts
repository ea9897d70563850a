// Supply of threads: created through Piscina one by one, followed from start to exit, and replaced with backoff.
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { MessagePort, Worker } from "node:worker_threads";
import { Piscina, type PiscinaTask, queueOptionsSymbol } from "piscina";
import { backoffMs } from "../../../src/core/backoff.js";
import { handler, type StartupMessage } from "../messages.js";

/** How threads are made, and callbacks for their life. */
export interface ThreadSupplyOptions {
  /** Threads kept alive. */
  readonly count: number;
  /** The module that threads run. */
  readonly worker: URL;
  /** A thread has loaded its modules and takes tasks. */
  onLoaded(thread: Worker): void;
  /** A thread ended, by itself or not. */
  onExit(thread: Worker, cause: unknown): void;
  /** A thread ended before {@link ThreadSupply.settle}, or could not be made. */
  onFailedBoot(cause: unknown): void;
}

/** Options of a task. */
export interface RunOptions {
  /** Ends the thread when it aborts while the task runs. */
  readonly signal: AbortSignal;
  readonly transferList?: readonly MessagePort[];
}

/** A thread's JavaScript heap: arguments and results as text and values. Linear memories are outside of it. */
const heapMegabytes = 512;

/**
 * How long a stop waits for threads that boot, in milliseconds: a boot takes some hundred on a busy machine, and no
 * booting thread may be ended.
 */
const bootedMs = 5_000;
/** Interval at which a stop checks the booting threads. */
const bootedEveryMs = 5;
/** How long a stop waits for the threads' exits, in milliseconds. */
const endedMs = 5_000;

/**
 * Exponential backoff after boots that failed: a boot costs 50 ms of a core.
 */
const rebootMs = { firstMs: 200, lastMs: 10_000 };
/** No thread has this id: a task addressed to it makes Piscina add one. */
const noThread = -1;

type Addressed = { readonly [queueOptionsSymbol]: { readonly thread: number } };

/**
 * Keeps so many threads alive. Piscina creates and wakes them, but replaces none: it gives up after the first boot that
 * fails. Where the system makes no more threads, it throws out of an event listener, which ends the process.
 */
export class ThreadSupply {
  readonly #options: ThreadSupplyOptions;
  readonly #piscina: Piscina;
  /** Threads that have not loaded their modules. On Node 20 the end of such a thread ends the process. */
  readonly #booting = new Set<Worker>();
  /** Threads that have loaded their modules and take tasks. */
  readonly #alive = new Set<Worker>();
  /** Loaded threads that have not yet proved to work. */
  readonly #untried = new Set<Worker>();
  readonly #known = new WeakSet<Worker>();
  #failedBoots = 0;
  #refill: NodeJS.Timeout | undefined;
  #isStopping = false;

  /** Creates the threads. */
  constructor(options: ThreadSupplyOptions) {
    this.#options = options;
    this.#piscina = new Piscina({
      filename: fileURLToPath(options.worker),
      name: handler,
      minThreads: 0,
      maxThreads: options.count,
      idleTimeout: Number.POSITIVE_INFINITY,
      recordTiming: false,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
      loadBalancer: (task: PiscinaTask, workers) => {
        const { thread } = task[queueOptionsSymbol] as { thread: number };
        return workers.find(({ id }) => id === thread) ?? null;
      },
    });
    this.#piscina.on("workerCreate", ({ id }: { id: number }) => this.#loaded(id));
    this.#piscina.on("workerDestroy", () => this.#fillSoon());
    // Errors outside of a task are ignored: the exit, which follows, is handled.
    this.#piscina.on("error", () => undefined);
    this.#fill();
  }

  /** Runs `task` on `thread`; rejects when the thread is gone or dies. */
  run(thread: Worker, task: StartupMessage | object, { signal, transferList = [] }: RunOptions): Promise<unknown> {
    // A task for a thread that is gone would wait for ever.
    if (!this.#alive.has(thread)) return Promise.reject(new Error("the thread has ended"));
    const addressed: Addressed = {
      ...task,
      [queueOptionsSymbol]: { thread: thread.threadId },
    };
    try {
      return this.#piscina.run(addressed, { signal, transferList: [...transferList] });
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  /** Ends `thread`, whatever it does; another one boots in its place at once. Only for a loaded thread. */
  end(thread: Worker, kill: AbortController): void {
    // Piscina releases a thread whose task is aborted. This task is for a thread whose own task is over.
    this.run(thread, {}, { signal: kill.signal }).catch(() => undefined);
    this.#alive.delete(thread);
    kill.abort();
    void thread.terminate();
  }

  /** Marks that `thread` works: the backoff ends, and all missing threads are created at once. */
  settle(thread: Worker): void {
    this.#untried.delete(thread);
    if (this.#failedBoots === 0) return;
    this.#failedBoots = 0;
    this.#fillSoon();
  }

  /** Ends all threads, booting ones as soon as they are loaded. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#refill);
    // On Node 20 the end of a thread that loads modules ends the process.
    for (let leftMs = bootedMs; leftMs > 0 && this.#booting.size > 0; leftMs -= bootedEveryMs)
      await delay(bootedEveryMs);
    await Promise.race([this.#piscina.destroy(), delay(endedMs, undefined, { ref: false })]);
    // The ports of the threads, which are closed now, are handles until the end of this turn of the event loop.
    await delay(1);
  }

  #fillSoon(): void {
    if (this.#isStopping) return;
    clearTimeout(this.#refill);
    const waitMs = this.#failedBoots === 0 ? 0 : backoffMs(this.#failedBoots, rebootMs);
    this.#refill = setTimeout(() => this.#fill(), waitMs).unref();
  }

  /** After a failed boot, one thread at a time is tried. */
  #fill(): void {
    const wanted = this.#failedBoots === 0 ? this.#options.count : Math.min(this.#options.count, this.#count + 1);
    try {
      while (this.#count < wanted) this.#create();
    } catch (error) {
      this.#bootFailed(error);
    }
  }

  get #count(): number {
    return this.#piscina.threads.length;
  }

  #create(): void {
    const before = this.#count;
    const creation = new AbortController();
    const task: Addressed = { [queueOptionsSymbol]: { thread: noThread } };
    try {
      // The task is aborted before any thread could take it: only its side effect, a new thread, is wanted.
      this.#piscina.run(task, { signal: creation.signal }).catch(() => undefined);
    } finally {
      creation.abort();
    }
    if (this.#count === before) throw new Error("the pool made no thread");
    for (const thread of this.#piscina.threads) this.#follow(thread);
  }

  #follow(thread: Worker): void {
    if (this.#known.has(thread)) return;
    this.#known.add(thread);
    this.#booting.add(thread);
    let failure: unknown;
    thread.once("error", (error) => {
      failure = error;
    });
    thread.once("exit", (code) => {
      this.#alive.delete(thread);
      const isUntried = this.#untried.delete(thread);
      const cause = failure ?? new Error(`the thread ended with code ${code}`);
      if (this.#booting.delete(thread) || isUntried) this.#bootFailed(cause);
      this.#options.onExit(thread, cause);
    });
  }

  #bootFailed(cause: unknown): void {
    if (this.#isStopping) return;
    this.#failedBoots++;
    this.#options.onFailedBoot(cause);
    this.#fillSoon();
  }

  #loaded(id: number): void {
    const thread = this.#piscina.threads.find(({ threadId }) => threadId === id);
    if (thread === undefined) return;
    this.#follow(thread);
    this.#booting.delete(thread);
    this.#alive.add(thread);
    this.#untried.add(thread);
    if (!this.#isStopping) this.#options.onLoaded(thread);
  }
}
