// Looks after threads that nothing was heard of: a thread counts while it answers, not while it exists.
import type { PoolThread } from "./pool-thread.js";

/** What is looked after, and what is done. */
export interface WatchdogOptions {
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  readonly threads: () => Iterable<PoolThread>;
  /** Slots whose threads were greeted and have not answered. */
  readonly booting: () => Iterable<PoolThread>;
  /** Sends a free thread an empty batch; when it returns, the thread is no longer probed. */
  probe(thread: PoolThread): void;
  /** The probe did not come back in time. */
  onSilent(thread: PoolThread): void;
  /** The greeting was not answered in time. */
  onStartupTimeout(thread: PoolThread): void;
}

// Looks are counted, not time: while a machine sleeps or the process is stopped neither side can answer, and nobody is
// to blame.
/** A free thread that ended no batch for so many looks is asked. */
const silentLooks = 10;
/** Looks after which a thread that was asked counts as one that cannot run. */
const doubtLooks = 2;
/** Looks after which it is ended: a machine with all cores busy runs every thread long before. */
const timeoutLooks = 5;
/** The same for the answer to a greeting. */
const startupLooks = 30;

interface Watched {
  /** Batches that had ended at the last look. */
  batches: number;
  /** Looks since then. */
  looks: number;
}

/** Asks threads that were silent for a while. {@link start} and {@link stop} may be called again. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #watched = new WeakMap<PoolThread, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Begins to look. */
  start(): void {
    this.#timer ??= setInterval(() => this.#look(), this.#options.everyMs).unref();
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Whether the thread's thread was asked and is late. */
  isInDoubt(thread: PoolThread): boolean {
    return thread.isProbed && (this.#watched.get(thread)?.looks ?? 0) >= doubtLooks;
  }

  #look(): void {
    for (const thread of [...this.#options.booting()]) {
      if (this.#count(thread) >= startupLooks) this.#options.onStartupTimeout(thread);
    }
    for (const thread of [...this.#options.threads()]) this.#lookAt(thread);
  }

  #lookAt(thread: PoolThread): void {
    const looks = this.#count(thread);
    // A batch with calls has deadlines. A thread of the idle class owes no answer while the owner's programs run.
    if (thread.isLowered) return;
    if (thread.isProbed) {
      if (looks >= timeoutLooks) this.#options.onSilent(thread);
    } else if (thread.isFree && looks >= silentLooks) {
      this.#watched.set(thread, { batches: thread.batches, looks: 0 });
      this.#options.probe(thread);
    }
  }

  /** Looks without a batch that ended between them. */
  #count(thread: PoolThread): number {
    const watched = this.#watched.get(thread);
    if (watched === undefined || watched.batches !== thread.batches) {
      this.#watched.set(thread, { batches: thread.batches, looks: 0 });
      return 0;
    }
    return ++watched.looks;
  }
}
