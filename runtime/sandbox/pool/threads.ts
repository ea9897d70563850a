// The threads of the pool: initialized when they are loaded, addressed one by one, replaced when they die or do not
// answer.
import { MessageChannel, type Worker } from "node:worker_threads";
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import type { Limits } from "../../../src/core/limits.js";
import type { StartupMessage } from "../messages.js";
import { PoolThread } from "./pool-thread.js";
import { type EndReason, type ThreadEnd, ThreadEnds } from "./thread-ends.js";
import { IdleClass } from "./thread-priority.js";
import { ThreadSupply } from "./thread-supply.js";
import { Watchdog } from "./watchdog.js";

/** How the threads are made, and callbacks for their life. */
export interface ThreadsOptions {
  /** Threads kept alive, including the spare one. */
  readonly count: number;
  readonly limits: Limits;
  readonly nodeName: string;
  readonly clock: Pick<Clock, "monotonic">;
  /** A thread can take batches. */
  onReady(): void;
  /**
   * A thread is gone or does not answer: its calls must go elsewhere, and a call of {@link Threads.remove} must follow.
   */
  onLost(thread: PoolThread, reason: EndReason, cause: unknown): void;
  /** A thread ended through a defect; reported at a bounded rate. */
  onEnded(end: ThreadEnd): void;
  /** Bound of the first boot, in milliseconds. Default: half a minute. */
  readonly bootMs?: number | undefined;
  /**
   * Interval of the watchdog, in milliseconds. Default: a second. Shorter finds dead threads sooner; longer forgives a
   * busy machine.
   */
  readonly watchdogMs?: number | undefined;
  /** The module that threads run. Default: the sandbox's own. */
  readonly worker?: URL | undefined;
}

const defaultBootMs = 30_000;
const defaultWatchdogMs = 1_000;
/** Rate limit: a defect that many calls meet costs one thread in this time, in milliseconds. */
const faultEveryMs = 1_000;

/** Live threads. The caller decides which thread runs which call. */
export class Threads {
  readonly #options: ThreadsOptions;
  readonly #ends: ThreadEnds;
  readonly #watchdog: Watchdog;
  #supply: ThreadSupply | undefined;
  #threads: PoolThread[] = [];
  /** Threads that have not answered the startup message. */
  readonly #booting = new Set<PoolThread>();
  readonly #idle = new IdleClass();
  #isIdleClass = false;
  /** Workers in the idle class that have not exited: until then the main thread keeps off their cores. */
  readonly #lowered = new Set<Worker>();
  /** Whether some threads are to be replaced. */
  #isRenewing = false;
  #faultedAt = Number.NEGATIVE_INFINITY;
  /** Monotonic milliseconds of the last thread's end, while there is no thread. */
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

  /** All threads that are ready. */
  get all(): readonly PoolThread[] {
    return this.#threads;
  }

  /** Threads that run a batch. */
  get busy(): PoolThread[] {
    return this.#threads.filter(({ isFree, isProbed }) => !isFree && !isProbed);
  }

  /** Threads that can take a batch; while others are free, not those that are about to be replaced. */
  get free(): PoolThread[] {
    const free = this.#threads.filter(({ isFree }) => isFree);
    if (!this.#isRenewing) return free;
    const fresh = free.filter((thread) => !this.#isStale(thread));
    return fresh.length > 0 ? fresh : free;
  }

  /** Threads that answer, including busy ones. */
  get able(): number {
    return this.#threads.reduce((count, thread) => count + (this.#watchdog.isInDoubt(thread) ? 0 : 1), 0);
  }

  /** False from the end of the last thread, or from the doubt in it, until a thread answers again. */
  get isAble(): boolean {
    if (this.#threads.length === 0) return this.#goneSince === undefined;
    return this.#threads.some((thread) => !this.#watchdog.isInDoubt(thread));
  }

  /** Milliseconds since the last thread ended; 0 while there is a thread. */
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

  /** Ends `thread`, whatever it does; another one boots in its place. */
  remove(thread: PoolThread, reason: EndReason, cause?: unknown): void {
    if (thread.isDead) return;
    this.#threads = this.#threads.filter((one) => one !== thread);
    if (this.#threads.length === 0) this.#goneSince ??= this.#options.clock.monotonic();
    this.#ends.add(reason, cause);
    this.#end(thread);
  }

  /** Sets whether all threads, including those to come, give way to other programs: see {@link IdleClass}. */
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

  /** Replaces the threads that have loaded a revision, as soon as they are free: their memory returns to the system. */
  shed(): void {
    for (const thread of this.#threads) if (thread.loaded.size > 0) thread.spent ??= "given-back";
    this.#isRenewing = true;
    this.renew();
  }

  /**
   * Ends a free thread that is to be replaced, as long as all threads are there. So only the spare one is missing while
   * another one boots. To be called when a thread becomes free.
   */
  renew(): void {
    if (!this.#isRenewing || this.#supply === undefined || this.#stopping !== undefined) return;
    this.#isRenewing = this.#threads.some((thread) => this.#isStale(thread));
    if (!this.#isRenewing || this.#threads.length < this.#options.count) return;
    const thread = this.#threads.find((one) => one.isFree && this.#isStale(one));
    if (thread !== undefined) this.remove(thread, thread.spent ?? "given-back", thread.fault);
  }

  /** Ends all threads, booting ones as soon as they are loaded; a start in progress rejects. */
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

  /** Whether the thread is to be replaced: spent, or in the idle class without need. */
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
    const { count, clock, limits, nodeName } = this.#options;
    const thread = new PoolThread({
      worker,
      port: port1,
      threads: count,
      clock,
      onReady: (kernelId) => this.#ready(thread, kernelId),
      onFault: (cause) => this.#faulted(thread, cause),
    });
    this.#booting.add(thread);
    const [inbox, results] = [thread.inbox.shared, thread.results.shared];
    const startup: StartupMessage = { inbox, results, port: port2, nodeName, limits };
    this.#supply?.run(worker, startup, { signal: thread.kill.signal, transferList: [port2] }).then(
      () => this.#left(thread, new Error("the thread returned")),
      (cause) => this.#left(thread, cause),
    );
  }

  /** Handles the end of a thread's task. */
  #left(thread: PoolThread, cause: unknown): void {
    if (thread.isDead) return;
    // The exit, which follows, counts as a failed boot.
    if (this.#booting.has(thread)) this.#end(thread);
    else this.#options.onLost(thread, "failed", cause);
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

  /** Handles an exit that no task reports: nothing may be sent to that thread. */
  #exited(worker: Worker, cause: unknown): void {
    const isOf = (thread: PoolThread): boolean => thread.worker === worker;
    const thread = this.#threads.find(isOf);
    if (thread !== undefined) this.#options.onLost(thread, "exited", cause);
    for (const one of [...this.#booting].filter(isOf)) this.#end(one);
    this.#lowered.delete(worker);
    this.#rejoin();
  }

  /** Plans the replacement of a thread in which a call met a defect: the defect may have left damage behind. */
  #faulted(thread: PoolThread, cause: unknown): void {
    const now = this.#options.clock.monotonic();
    if (thread.spent === "fault" || now - this.#faultedAt < faultEveryMs) return;
    this.#faultedAt = now;
    thread.spent = "fault";
    thread.fault = cause;
    this.#isRenewing = true;
  }

  /** Probes the thread with an empty batch, on the way of calls; the batch also carries revisions to drop. */
  #probe(thread: PoolThread): void {
    void (thread.probe() ?? Promise.resolve()).then(() => {
      if (thread.isDead) return;
      thread.finish();
      this.renew();
      this.#options.onReady();
    });
  }

  #lower(thread: PoolThread): void {
    if (thread.isLowered || !this.#idle.lower(thread)) return;
    thread.isLowered = true;
    this.#lowered.add(thread.worker);
  }

  /** Ends the main thread's restriction after the last lowered thread: the main thread waits for threads that end. */
  #rejoin(): void {
    if (this.#lowered.size === 0 && !this.#isIdleClass) void this.#idle.end();
  }
}
