// The threads behind the slots: asked of Piscina one by one, followed from birth to exit, and replaced.
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { MessagePort, Worker } from "node:worker_threads";
import { Piscina, type PiscinaTask, queueOptionsSymbol } from "piscina";
import { backoffMs } from "../../../src/core/backoff.js";
import { type Batch, handler, type StartupMessage } from "../messages.js";

/** How threads are made, and who hears of them. */
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

/** What a task is run with. */
export interface RunOptions {
  /** Ends the thread when it aborts while the task runs. */
  readonly signal: AbortSignal;
  readonly transferList?: readonly MessagePort[];
}

/** A thread's JavaScript heap: arguments and results as text and values. Linear memories are not in it. */
const heapMegabytes = 512;

/**
 * How long a stop waits for threads that boot: some hundred milliseconds on a busy machine, but none of them may be
 * ended before.
 */
const bootedMs = 5_000;
/** How often it looks whether they have. */
const bootedEveryMs = 5;
/** How long a stop waits for the threads' ends. */
const endedMs = 5_000;

/**
 * Exponential backoff after boots that failed: a boot costs 50 ms of a core.
 */
const rebootMs = { firstMs: 200, lastMs: 10_000 };
/** No thread has this id: a task addressed to it makes Piscina add one. */
const nobody = -1;

type Addressed = { readonly [queueOptionsSymbol]: { readonly thread: number } };

/**
 * Keeps so many threads alive. Piscina creates and wakes them, but replaces none: it gives up after the first boot that
 * fails, and throws out of an event's listener, which ends the process, where the system makes no more threads.
 */
export class ThreadSupply {
  readonly #options: ThreadSupplyOptions;
  readonly #piscina: Piscina;
  /** Threads that have not loaded their modules. On Node 20 the end of such a thread is that of the process. */
  readonly #booting = new Set<Worker>();
  /** Threads that have loaded them and take tasks. */
  readonly #alive = new Set<Worker>();
  /** Those of which it is not known whether they work. */
  readonly #untried = new Set<Worker>();
  readonly #known = new WeakSet<Worker>();
  #failedBoots = 0;
  #refill: NodeJS.Timeout | undefined;
  #isStopping = false;

  /** Asks for the threads. */
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
    // Thrown outside of a task. The exit, which follows, is what counts.
    this.#piscina.on("error", () => undefined);
    this.#fill();
  }

  /** Runs `task` on `thread`; rejects when the thread is gone or dies. */
  run(thread: Worker, task: Batch | StartupMessage, { signal, transferList = [] }: RunOptions): Promise<unknown> {
    // A task for a thread that is gone would wait for ever.
    if (!this.#alive.has(thread)) return Promise.reject(new Error("the thread has ended"));
    const addressed: (Batch | StartupMessage) & Addressed = {
      ...task,
      [queueOptionsSymbol]: { thread: thread.threadId },
    };
    try {
      return this.#piscina.run(addressed, { signal, transferList: [...transferList] });
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  /** Ends `thread`, whatever it does; another is booted in its place at once. Only a thread that is loaded. */
  end(thread: Worker, kill: AbortController): void {
    // Piscina lets go of a thread whose task is aborted. This task is for the thread whose own is over.
    this.run(thread, { calls: [] }, { signal: kill.signal }).catch(() => undefined);
    this.#alive.delete(thread);
    kill.abort();
    void thread.terminate();
  }

  /** `thread` works: boots that fail are over, and all threads that are missing are asked for at once. */
  settle(thread: Worker): void {
    this.#untried.delete(thread);
    if (this.#failedBoots === 0) return;
    this.#failedBoots = 0;
    this.#fillSoon();
  }

  /** Ends all threads, those that boot as soon as they have. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#refill);
    // On Node 20 the end of a thread that loads modules is that of the process.
    for (let leftMs = bootedMs; leftMs > 0 && this.#booting.size > 0; leftMs -= bootedEveryMs)
      await delay(bootedEveryMs);
    await Promise.race([this.#piscina.destroy(), delay(endedMs, undefined, { ref: false })]);
  }

  #fillSoon(): void {
    if (this.#isStopping) return;
    clearTimeout(this.#refill);
    const waitMs = this.#failedBoots === 0 ? 0 : backoffMs(this.#failedBoots, rebootMs);
    this.#refill = setTimeout(() => this.#fill(), waitMs).unref();
  }

  /** After a boot that failed one thread at a time is tried. */
  #fill(): void {
    const wanted = this.#failedBoots === 0 ? this.#options.count : Math.min(this.#options.count, this.#count + 1);
    try {
      while (this.#count < wanted) this.#ask();
    } catch (error) {
      this.#bootFailed(error);
    }
  }

  get #count(): number {
    return this.#piscina.threads.length;
  }

  #ask(): void {
    const before = this.#count;
    const asked = new AbortController();
    const task: Addressed = { [queueOptionsSymbol]: { thread: nobody } };
    try {
      // It is aborted before any thread could take it: only its side effect is wanted.
      this.#piscina.run(task, { signal: asked.signal }).catch(() => undefined);
    } finally {
      asked.abort();
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
