// The pool's threads as slots: greeted when they are loaded, addressed one by one, replaced when they die or do not
// answer.
import { MessageChannel, type Worker } from "node:worker_threads";
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import type { Limits } from "../../../src/core/limits.js";
import type { Batch, StartupMessage } from "../messages.js";
import { type GuestLogLine, PoolThread } from "./pool-thread.js";
import { type EndReason, type ThreadEnd, ThreadEnds } from "./thread-ends.js";
import { IdleClass } from "./thread-priority.js";
import { ThreadSupply } from "./thread-supply.js";
import { Watchdog } from "./watchdog.js";

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
  /** A thread is gone or does not answer: what it had must go elsewhere, and {@link Threads.remove} follow. */
  onLost(thread: PoolThread, reason: EndReason, cause: unknown): void;
  /** A thread ended through a defect; not every one is told. */
  onEnded(end: ThreadEnd): void;
  /** How long the first boot may take; half a minute unless given. */
  readonly bootMs?: number | undefined;
  /** How often the threads are looked after; once a second unless given. */
  readonly watchdogMs?: number | undefined;
  /** The module that threads run; the sandbox's own unless given. */
  readonly worker?: URL | undefined;
}

const defaultBootMs = 30_000;
const defaultWatchdogMs = 1_000;
/** A defect that shows up in many calls costs one thread in this time. */
const faultEveryMs = 1_000;

/** Live threads, as slots. Which thread runs what is decided by their user. */
export class Threads {
  readonly #options: ThreadsOptions;
  readonly #ends: ThreadEnds;
  readonly #watchdog: Watchdog;
  #supply: ThreadSupply | undefined;
  #threads: PoolThread[] = [];
  /** Slots whose threads have not answered the greeting. */
  readonly #booting = new Set<PoolThread>();
  readonly #idle = new IdleClass();
  #isIdleClass = false;
  /** Threads in the idle class that have not ended: until then the main thread keeps off their cores. */
  readonly #lowered = new Set<Worker>();
  /** Some threads are to be replaced. */
  #isRenewing = false;
  #faultedAt = Number.NEGATIVE_INFINITY;
  /** When the last thread ended, while there is none. */
  #goneSince: number | undefined;
  #stopping: Promise<void> | undefined;
  #started: { readonly wanted: number; resolve(): void; reject(reason: unknown): void } | undefined;

  constructor(options: ThreadsOptions) {
    this.#options = options;
    this.#ends = new ThreadEnds(options.clock, options.onEnded);
    this.#watchdog = new Watchdog({
      everyMs: options.watchdogMs ?? defaultWatchdogMs,
      threads: () => this.#threads,
      booting: () => this.#booting,
      probe: (thread) => this.#probe(thread),
      onSilent: (thread) => options.onLost(thread, "silent", undefined),
      onStartupTimeout: (thread) => this.#end(thread),
    });
  }

  /** All slots whose threads are ready. */
  get all(): readonly PoolThread[] {
    return this.#threads;
  }

  /** Slots that run a batch. */
  get busy(): PoolThread[] {
    return this.#threads.filter(({ isFree, isProbed }) => !isFree && !isProbed);
  }

  /** Slots that can take one; while others are free, not those that are about to be replaced. */
  get free(): PoolThread[] {
    const free = this.#threads.filter(({ isFree }) => isFree);
    if (!this.#isRenewing) return free;
    const fresh = free.filter((thread) => !this.#isStale(thread));
    return fresh.length > 0 ? fresh : free;
  }

  /** Threads that answer, busy ones included. */
  get able(): number {
    return this.#threads.reduce((count, thread) => count + (this.#watchdog.isInDoubt(thread) ? 0 : 1), 0);
  }

  /** False from the end of the last thread, or the doubt in it, until one answers again. */
  get isAble(): boolean {
    if (this.#threads.length === 0) return this.#goneSince === undefined;
    return this.#threads.some((thread) => !this.#watchdog.isInDoubt(thread));
  }

  /** Milliseconds since the last thread ended; 0 while there is one. */
  get goneMs(): number {
    return this.#goneSince === undefined ? 0 : this.#options.clock.monotonic() - this.#goneSince;
  }

  /** Threads that ended so far, by reason. */
  get ends(): ThreadEnds["counts"] {
    return this.#ends.counts;
  }

  /** Boots the threads; resolves when `wanted` of them are ready, rejects when they fail to boot. */
  start(wanted: number): Promise<void> {
    const { bootMs = defaultBootMs, count, worker } = this.#options;
    let bound: NodeJS.Timeout | undefined;
    const started = new Promise<void>((resolve, reject) => {
      this.#started = { wanted, resolve, reject };
      bound = setTimeout(() => reject(new HerdError("internal", `the threads did not boot in ${bootMs} ms`)), bootMs);
    });
    this.#supply = new ThreadSupply({
      count,
      worker: worker ?? new URL("../thread/worker.js", import.meta.url),
      onLoaded: (created) => this.#initialize(created),
      onExit: (exited, cause) => this.#exited(exited, cause),
      onFailedBoot: (cause) => {
        this.#ends.add("boot", cause);
        this.#started?.reject(cause);
      },
    });
    this.#watchdog.start();
    return started.finally(() => clearTimeout(bound));
  }

  /** Runs `batch` on the thread of `thread`; rejects when the thread is gone, dies or throws. */
  run(thread: PoolThread, batch: Batch): Promise<unknown> {
    if (this.#supply === undefined) throw new TypeError("the sandbox has not started");
    return this.#supply.run(thread.worker, batch, { signal: thread.kill.signal });
  }

  /** Ends the thread of `thread`, whatever it does; another is booted in its place. */
  remove(thread: PoolThread, reason: EndReason, cause?: unknown): void {
    if (thread.isDead) return;
    this.#threads = this.#threads.filter((one) => one !== thread);
    if (this.#threads.length === 0) this.#goneSince ??= this.#options.clock.monotonic();
    this.#ends.add(reason, cause);
    this.#end(thread);
  }

  /** Whether the threads, running or not and those to come, stand back for everybody else: see {@link IdleClass}. */
  setIdleClass(isIdleClass: boolean): void {
    if (isIdleClass === this.#isIdleClass) return;
    this.#isIdleClass = isIdleClass;
    if (isIdleClass) {
      this.#idle.begin();
      for (const thread of this.#threads) this.#lower(thread);
      return;
    }
    this.#isRenewing = true;
    this.renew();
    this.#rejoin();
  }

  /** Replaces the threads that have loaded something, when they are free: all that they hold returns to the system. */
  shed(): void {
    for (const thread of this.#threads) if (thread.loaded.size > 0) thread.spent ??= "given-back";
    this.#isRenewing = true;
    this.renew();
  }

  /**
   * Ends a free thread that is to be replaced, as long as all threads are there. So there is one less than all, the spare, while
   * another boots. To be called when a thread becomes free.
   */
  renew(): void {
    if (!this.#isRenewing || this.#supply === undefined || this.#stopping !== undefined) return;
    this.#isRenewing = this.#threads.some((thread) => this.#isStale(thread));
    if (!this.#isRenewing || this.#threads.length < this.#options.count) return;
    const thread = this.#threads.find((one) => one.isFree && this.#isStale(one));
    if (thread !== undefined) this.remove(thread, thread.spent ?? "given-back", thread.fault);
  }

  /** Ends all threads, those that boot as soon as they have; a start that has not ended rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#watchdog.stop();
    this.#started?.reject(new HerdError("node.draining", "the sandbox was stopped while it started"));
    for (const thread of [...this.#threads, ...this.#booting]) thread.close();
    this.#threads = [];
    this.#booting.clear();
    await this.#supply?.stop();
    await this.#idle.end();
  }

  /** In the idle class while it should not be, or spent. */
  #isStale(thread: PoolThread): boolean {
    return thread.spent !== undefined || (thread.isLowered && !this.#isIdleClass);
  }

  #end(thread: PoolThread): void {
    this.#booting.delete(thread);
    thread.close();
    this.#supply?.end(thread.worker, thread.kill);
  }

  #initialize(worker: Worker): void {
    const { port1, port2 } = new MessageChannel();
    const { clock, onLog, limits, nodeName } = this.#options;
    const thread = new PoolThread({
      worker,
      port: port1,
      clock,
      onLog,
      onFault: (cause) => this.#faulted(thread, cause),
    });
    this.#booting.add(thread);
    const startup: StartupMessage = { results: thread.results.shared, port: port2, nodeName, limits };
    this.#supply?.run(worker, startup, { signal: thread.kill.signal, transferList: [port2] }).then(
      (kernelId) => this.#ready(thread, kernelId as number | undefined),
      () => {
        // The exit, which follows, counts as a boot that failed.
        if (!thread.isDead) this.#end(thread);
      },
    );
  }

  #ready(thread: PoolThread, kernelId: number | undefined): void {
    this.#booting.delete(thread);
    if (thread.isDead) return;
    this.#supply?.settle(thread.worker);
    thread.kernelId = kernelId;
    this.#threads.push(thread);
    this.#goneSince = undefined;
    if (this.#isIdleClass) this.#lower(thread);
    else this.#idle.release(thread);
    this.renew();
    if (this.#started !== undefined && this.#threads.length >= this.#started.wanted) this.#started.resolve();
    this.#options.onReady();
  }

  /** A death that no task reports: nothing may be sent there. */
  #exited(worker: Worker, cause: unknown): void {
    const isOf = (thread: PoolThread): boolean => thread.worker === worker;
    const thread = this.#threads.find(isOf);
    if (thread !== undefined) this.#options.onLost(thread, "exited", cause);
    for (const one of [...this.#booting].filter(isOf)) this.#end(one);
    this.#lowered.delete(worker);
    this.#rejoin();
  }

  /** A call met a defect in the thread: what else the defect left there nobody knows. */
  #faulted(thread: PoolThread, cause: unknown): void {
    const now = this.#options.clock.monotonic();
    if (thread.spent === "fault" || now - this.#faultedAt < faultEveryMs) return;
    this.#faultedAt = now;
    thread.spent = "fault";
    thread.fault = cause;
    this.#isRenewing = true;
  }

  /** An empty batch, the way that calls go; it also brings what the thread is to forget. */
  #probe(thread: PoolThread): void {
    const batch = thread.probe();
    this.run(thread, batch).then(
      () => {
        if (thread.isDead) return;
        thread.finish();
        this.renew();
        this.#options.onReady();
      },
      (cause) => {
        if (!thread.isDead) this.#options.onLost(thread, "failed", cause);
      },
    );
  }

  #lower(thread: PoolThread): void {
    if (thread.isLowered || !this.#idle.lower(thread)) return;
    thread.isLowered = true;
    this.#lowered.add(thread.worker);
  }

  /** The main thread waits for a thread that ends, so the last of the idle class must have. */
  #rejoin(): void {
    if (this.#lowered.size === 0 && !this.#isIdleClass) void this.#idle.end();
  }
}
