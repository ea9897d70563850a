// Looks after threads that nothing was heard of: a thread counts while it answers, not while it exists.
import type { Slot } from "./pool-thread.js";

/** What is looked after, and what is done. */
export interface SupervisorOptions {
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  readonly slots: () => Iterable<Slot>;
  /** Slots whose threads were greeted and have not answered. */
  readonly booting: () => Iterable<Slot>;
  /** Sends a free slot an empty batch; when it returns, the slot is no longer probed. */
  probe(slot: Slot): void;
  /** The probe did not come back in time. */
  onSilent(slot: Slot): void;
  /** The greeting was not answered in time. */
  onNoGreeting(slot: Slot): void;
}

// Looks are counted, not time: while a machine sleeps or the process is stopped neither side can answer, and nobody is
// to blame.
/** A free thread that ended no batch for so many looks is asked. */
const silentLooks = 10;
/** Looks after which a thread that was asked counts as one that cannot run. */
const doubtLooks = 2;
/** Looks after which it is ended: a machine with all cores busy runs every thread long before. */
const patienceLooks = 5;
/** The same for the answer to a greeting. */
const greetingLooks = 30;

interface Watched {
  /** Batches that had ended at the last look. */
  batches: number;
  /** Looks since then. */
  looks: number;
}

/** Asks threads that were silent for a while. {@link start} and {@link stop} may be called again. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #watched = new WeakMap<Slot, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
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

  /** Whether the slot's thread was asked and is late. */
  isInDoubt(slot: Slot): boolean {
    return slot.isProbed && (this.#watched.get(slot)?.looks ?? 0) >= doubtLooks;
  }

  #look(): void {
    for (const slot of [...this.#options.booting()]) {
      if (this.#count(slot) >= greetingLooks) this.#options.onNoGreeting(slot);
    }
    for (const slot of [...this.#options.slots()]) this.#lookAt(slot);
  }

  #lookAt(slot: Slot): void {
    const looks = this.#count(slot);
    // A batch with calls has deadlines. A thread of the idle class owes no answer while the owner's programs run.
    if (slot.isLowered) return;
    if (slot.isProbed) {
      if (looks >= patienceLooks) this.#options.onSilent(slot);
    } else if (slot.isFree && looks >= silentLooks) {
      this.#watched.set(slot, { batches: slot.batches, looks: 0 });
      this.#options.probe(slot);
    }
  }

  /** Looks without a batch that ended between them. */
  #count(slot: Slot): number {
    const watched = this.#watched.get(slot);
    if (watched === undefined || watched.batches !== slot.batches) {
      this.#watched.set(slot, { batches: slot.batches, looks: 0 });
      return 0;
    }
    return ++watched.looks;
  }
}
