// Watchdog of the threads: a thread counts while it answers, not while it exists. A silent thread is probed, then
// replaced.
import type { PoolThread } from "./pool-thread.js";

/** The watched threads, and the callbacks of the watchdog. */
export interface WatchdogOptions {
  /** Interval of the checks, in milliseconds. */
  readonly everyMs: number;
  readonly threads: () => Iterable<PoolThread>;
  /** Threads that have not answered the startup message. */
  readonly booting: () => Iterable<PoolThread>;
  /** Sends a free thread an empty batch. When the batch returns, the thread is no longer probed. */
  probe(thread: PoolThread): void;
  /** The probe did not come back in time. */
  onSilent(thread: PoolThread): void;
  /** The startup message was not answered in time. */
  onStartupTimeout(thread: PoolThread): void;
}

// Checks are counted, not time: while a machine sleeps or the process is stopped, neither side can answer, and no
// thread is to blame.
/** A free thread that ended no batch for this many checks is probed. */
const silentChecks = 10;
/** A probed thread counts as one that cannot run after this many checks. */
const doubtChecks = 2;
/**
 * A probed thread is ended after this many checks. A machine with all cores busy runs every thread long before. Less
 * replaces dead threads sooner, and slow ones by mistake.
 */
const timeoutChecks = 5;
/** The same for the answer to the startup message. */
const startupChecks = 30;

interface Watched {
  /** Batches that had ended at the last check. */
  batches: number;
  /** Checks since then. */
  checks: number;
}

/** Probes threads that were silent for a while. {@link start} and {@link stop} may be called again. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #watched = new WeakMap<PoolThread, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Starts the checks. */
  start(): void {
    this.#timer ??= setInterval(() => this.#check(), this.#options.everyMs).unref();
  }

  /** Ends the checks. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Whether the thread was probed and is late. */
  isInDoubt(thread: PoolThread): boolean {
    return thread.isProbed && (this.#watched.get(thread)?.checks ?? 0) >= doubtChecks;
  }

  #check(): void {
    for (const thread of [...this.#options.booting()]) {
      if (this.#count(thread) >= startupChecks) this.#options.onStartupTimeout(thread);
    }
    for (const thread of [...this.#options.threads()]) this.#checkThread(thread);
  }

  #checkThread(thread: PoolThread): void {
    const checks = this.#count(thread);
    // A batch with calls has deadlines of its own. A thread of the idle class need not answer while the owner's
    // programs run.
    if (thread.isLowered) return;
    if (thread.isProbed) {
      if (checks >= timeoutChecks) this.#options.onSilent(thread);
    } else if (thread.isFree && checks >= silentChecks) {
      this.#watched.set(thread, { batches: thread.batches, checks: 0 });
      this.#options.probe(thread);
    }
  }

  /** Counts the checks without a batch that ended between them. */
  #count(thread: PoolThread): number {
    const watched = this.#watched.get(thread);
    if (watched === undefined || watched.batches !== thread.batches) {
      this.#watched.set(thread, { batches: thread.batches, checks: 0 });
      return 0;
    }
    return ++watched.checks;
  }
}
