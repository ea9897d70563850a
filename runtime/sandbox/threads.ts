// The pool's threads on Piscina: greeted when they boot, addressed one by one, replaced when they die.
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { Piscina, type PiscinaTask, queueOptionsSymbol } from "piscina";
import type { Clock } from "../../src/core/clock.js";
import { HerdError } from "../../src/core/errors.js";
import type { Limits } from "../../src/core/limits.js";
import { type Batch, type Greeting, handler } from "./messages.js";
import { type GuestLogLine, Slot } from "./slot.js";
import { IdleClass } from "./thread-priority.js";

/** How the threads are made, and who hears of them. */
export interface ThreadsOptions {
  /** Threads kept alive, the spare one included. */
  readonly count: number;
  readonly limits: Limits;
  readonly nodeName: string;
  readonly clock: Pick<Clock, "monotonic">;
  onLog(line: GuestLogLine): void;
  /** A thread can take batches. */
  onReady(): void;
  /** A thread died by itself. */
  onLost(slot: Slot, cause: unknown): void;
  /** How long the boot may take; half a minute unless given. */
  readonly bootMs?: number;
}

const defaultBootMs = 30_000;

/** A thread's JavaScript heap: arguments and results as text and values. Linear memories are not in it. */
const heapMegabytes = 512;

/** How long a stop waits for threads that boot: some hundred milliseconds on a busy machine, but none of them may be ended before. */
const bootedMs = 5_000;
/** How often it looks whether they have. */
const bootedEveryMs = 5;

/** How long a missing thread is waited for before another is asked for. */
const refillMs = 200;
/** No thread has this id: a task addressed to it makes Piscina add one. */
const nobody = -1;

type Addressed = { readonly [queueOptionsSymbol]: { readonly thread: number } };

/** Live threads, as slots. Piscina boots, replaces and wakes them; which thread runs what is decided here. */
export class Threads {
  readonly #options: ThreadsOptions;
  #piscina: Piscina | undefined;
  #slots: Slot[] = [];
  /** Slots whose threads were not ready yet. */
  readonly #booting = new Set<Slot>();
  readonly #idle = new IdleClass();
  #isIdleClass = false;
  /** Threads in the idle class that have not ended: until then the main thread keeps off their cores. */
  #lowered = 0;
  /** Some threads are to be replaced. */
  #isRenewing = false;
  #refill: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  #started: { readonly wanted: number; resolve(): void; reject(reason: unknown): void } | undefined;

  constructor(options: ThreadsOptions) {
    this.#options = options;
  }

  /** All slots whose threads are ready. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Slots that run a batch. */
  get busy(): Slot[] {
    return this.#slots.filter(({ isFree }) => !isFree);
  }

  /** Slots that can take one; while others are free, not those that are about to be replaced. */
  get free(): Slot[] {
    const free = this.#slots.filter(({ isFree }) => isFree);
    if (!this.#isRenewing) return free;
    const fresh = free.filter((slot) => !this.#isStale(slot));
    return fresh.length > 0 ? fresh : free;
  }

  /** Boots the threads; resolves when `wanted` of them are ready, rejects when they fail to boot. */
  start(wanted: number): Promise<void> {
    const { count } = this.#options;
    this.#piscina = new Piscina({
      filename: fileURLToPath(new URL("./worker.js", import.meta.url)),
      name: handler,
      minThreads: count,
      maxThreads: count,
      idleTimeout: Number.POSITIVE_INFINITY,
      recordTiming: false,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
      loadBalancer: (task: PiscinaTask, workers) => {
        const { thread } = task[queueOptionsSymbol] as { thread: number };
        return workers.find(({ id }) => id === thread) ?? null;
      },
    });
    this.#piscina.on("workerCreate", ({ id }: { id: number }) => this.#greet(id));
    this.#piscina.on("workerDestroy", () => this.#watchCount());
    this.#piscina.on("error", (error: unknown) => this.#started?.reject(error));
    const { bootMs = defaultBootMs } = this.#options;
    let bound: NodeJS.Timeout | undefined;
    const started = new Promise<void>((resolve, reject) => {
      this.#started = { wanted, resolve, reject };
      bound = setTimeout(() => reject(new HerdError("internal", `the threads did not boot in ${bootMs} ms`)), bootMs);
    });
    return started.finally(() => clearTimeout(bound));
  }

  /** Runs `batch` on the thread of `slot`; rejects when the thread dies. */
  run(slot: Slot, batch: Batch): Promise<void> {
    const task: Batch & Addressed = { ...batch, [queueOptionsSymbol]: { thread: slot.thread } };
    return this.#pool.run(task, { signal: slot.kill.signal });
  }

  /** Ends the thread of `slot`; another is booted in its place. */
  remove(slot: Slot): void {
    slot.close();
    this.#slots = this.#slots.filter((one) => one !== slot);
    slot.kill.abort();
  }

  /** Whether the threads, running or not and those to come, stand back for everybody else: see {@link IdleClass}. */
  setIdleClass(isIdleClass: boolean): void {
    if (isIdleClass === this.#isIdleClass) return;
    this.#isIdleClass = isIdleClass;
    if (isIdleClass) {
      this.#idle.begin();
      for (const slot of this.#slots) this.#lower(slot);
      return;
    }
    this.#isRenewing = true;
    this.renew();
    this.#rejoin();
  }

  /** Replaces the threads that have loaded something, when they are free: all that they hold returns to the system. */
  shed(): void {
    for (const slot of this.#slots) slot.isSpent ||= slot.loaded.size > 0;
    this.#isRenewing = true;
    this.renew();
  }

  /**
   * Ends a free thread that is to be replaced, as long as all threads are there. So there is one less than all, the spare, while
   * another boots. To be called when a slot becomes free.
   */
  renew(): void {
    if (!this.#isRenewing || this.#piscina === undefined || this.#stopping !== undefined) return;
    this.#isRenewing = this.#slots.some((slot) => this.#isStale(slot));
    if (!this.#isRenewing || this.#slots.length < this.#options.count) return;
    const slot = this.#slots.find((one) => one.isFree && this.#isStale(one));
    if (slot === undefined) return;
    // Piscina ends a thread by its task. The thread has all that it needs to run one: on Node 20 the end of a thread that loads
    // modules is that of the process.
    this.run(slot, { calls: [] }).catch(() => undefined);
    this.remove(slot);
  }

  /** In the idle class while it should not be, or spent. */
  #isStale(slot: Slot): boolean {
    return slot.isSpent || (slot.isLowered && !this.#isIdleClass);
  }

  /** Ends all threads, those that boot as soon as they have; a start that has not ended rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const pool = this.#piscina;
    if (pool === undefined) return;
    this.#started?.reject(new HerdError("node.draining", "the sandbox was stopped while it started"));
    clearTimeout(this.#refill);
    // On Node 20 the end of a thread that loads modules is that of the process.
    for (let leftMs = bootedMs; leftMs > 0 && this.#isBooting(pool); leftMs -= bootedEveryMs)
      await delay(bootedEveryMs);
    this.#piscina = undefined;
    for (const slot of [...this.#slots, ...this.#booting]) slot.close();
    this.#slots = [];
    this.#booting.clear();
    await pool.destroy();
    await this.#idle.end();
  }

  #isBooting({ threads }: Piscina): boolean {
    return threads.some(({ threadId }) => !this.#slots.some(({ thread }) => thread === threadId));
  }

  get #pool(): Piscina {
    if (this.#piscina === undefined) throw new TypeError("the sandbox has not started");
    return this.#piscina;
  }

  /** Piscina replaces no thread any more once one died while it booted: see that they are all there. */
  #watchCount(): void {
    if (this.#refill !== undefined || this.#piscina === undefined || this.#stopping !== undefined) return;
    this.#refill = setTimeout(() => {
      this.#refill = undefined;
      const pool = this.#piscina;
      if (pool === undefined || pool.threads.length >= this.#options.count) return;
      const asked = new AbortController();
      const task: Addressed = { [queueOptionsSymbol]: { thread: nobody } };
      // It is aborted before any thread could take it: only its side effect is wanted.
      pool.run(task, { signal: asked.signal }).catch(() => undefined);
      asked.abort();
      this.#watchCount();
    }, refillMs);
    this.#refill.unref();
  }

  #greet(thread: number): void {
    const pool = this.#piscina;
    if (pool === undefined) return;
    const { port1, port2 } = new MessageChannel();
    const { clock, onLog } = this.#options;
    const slot = new Slot({ thread, port: port1, clock, onLog });
    this.#booting.add(slot);
    pool.threads
      .find(({ threadId }) => threadId === thread)
      ?.once("exit", () => {
        // A death that no task reports: nothing may be sent there, since the task would wait for ever.
        if (!slot.isDead) this.#options.onLost(slot, new Error("the thread ended"));
        if (slot.isLowered) this.#lowered--;
        this.#rejoin();
      });
    const { limits, nodeName } = this.#options;
    const greeting: Greeting & Addressed = {
      outbox: slot.outbox.shared,
      port: port2,
      nodeName,
      limits,
      [queueOptionsSymbol]: { thread },
    };
    pool.run(greeting, { transferList: [port2] }).then(
      (kernelId: number | undefined) => this.#ready(slot, kernelId),
      (error) => {
        this.#booting.delete(slot);
        if (!slot.isDead) slot.close();
        this.#started?.reject(error);
      },
    );
  }

  #ready(slot: Slot, kernelId: number | undefined): void {
    this.#booting.delete(slot);
    if (slot.isDead) return;
    slot.kernelId = kernelId;
    this.#slots.push(slot);
    if (this.#isIdleClass) this.#lower(slot);
    else this.#idle.release(slot);
    this.renew();
    if (this.#started !== undefined && this.#slots.length >= this.#started.wanted) this.#started.resolve();
    this.#options.onReady();
  }

  #lower(slot: Slot): void {
    if (slot.isLowered || !this.#idle.lower(slot)) return;
    slot.isLowered = true;
    this.#lowered++;
  }

  /** The main thread waits for a thread that ends, so the last of the idle class must have. */
  #rejoin(): void {
    if (this.#lowered === 0 && !this.#isIdleClass) void this.#idle.end();
  }
}
