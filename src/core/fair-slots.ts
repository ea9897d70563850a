// A semaphore with a share for each key: a key that wants many slots waits behind a key that wants few.

import type { Clock } from "./clock.js";

/** Why a key gets no slot: it has its share already, or everybody together has all there is. */
export type Refusal = "share" | "full";

/** Bounds of {@link FairSlots}. */
export interface FairSlotsOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** Slots in all. */
  readonly running: number;
  /** Slots of one key. Without it, a key has at most as many as are left free, so that a new key always finds one. */
  readonly runningEach?: number;
  /** How many may wait in all; none without it. */
  readonly waiting?: number;
  /** How many of one key may wait; `waiting` without it. */
  readonly waitingEach?: number;
  /** The error for a caller that gets no slot. */
  readonly refuse: (why: Refusal) => Error;
}

/** How somebody waits for a slot. */
interface EnterOptions {
  /** Rejects with its reason when it aborts while the slot is waited for. */
  readonly signal?: AbortSignal | undefined;
  /** Goes before what else waits of the same key. */
  readonly urgent?: boolean;
}

interface Waiter {
  readonly key: string;
  readonly order: number;
  readonly grant: (leave: () => void) => void;
  readonly reject: (reason: unknown) => void;
}

interface Share {
  running: number;
  /** Time that its slots were held, on the scale of all that are active: the least one is served next. */
  usedMs: number;
  readonly urgent: Waiter[];
  readonly later: Waiter[];
}

/**
 * A semaphore with a share for each key (a token, an author, a peer). A free slot goes to the key that holds the fewest
 * and, of those, to the one that held them for the shortest time (start-time fair queueing; Goyal, Vin and Cheng,
 * 1996). When no more may wait, a key with few pushes out the latest of the key with the most. What is kept is bounded
 * by the slots and the waiters.
 */
export class FairSlots {
  readonly #options: FairSlotsOptions;
  readonly #shares = new Map<string, Share>();
  #running = 0;
  #waiting = 0;
  #order = 0;
  #pumping = false;

  constructor(options: FairSlotsOptions) {
    this.#options = options;
  }

  /** Slots that are held. */
  get running(): number {
    return this.#running;
  }

  /** How many wait for a slot. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * A slot at once; the function that is returned gives it back. Throws the refusal. Meant for slots that nobody waits
   * for.
   */
  take(key: string): () => void {
    const taken = this.tryTake(key);
    if (typeof taken === "string") throw this.#options.refuse(taken);
    return taken;
  }

  /** As {@link take}, with the reason in place of the error. */
  tryTake(key: string): (() => void) | Refusal {
    if (this.#running >= this.#options.running) return "full";
    const own = this.#shares.get(key)?.running ?? 0;
    return own >= this.#most() ? "share" : this.#hold(key);
  }

  /**
   * A slot when it is the key's turn, never before the next microtask; the function that it resolves to gives the slot
   * back. Rejects with the refusal, also later, when others have less.
   */
  enter(key: string, { signal, urgent = false }: EnterOptions = {}): Promise<() => void> {
    // Not async: those that get their slots together go on in the order in which they got them.
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      this.#admit(key);
      const aborted = (): void => {
        this.#drop(waiter);
        waiter.reject(signal?.reason);
      };
      const settled = (): void => signal?.removeEventListener("abort", aborted);
      const waiter: Waiter = {
        key,
        order: this.#order++,
        grant: (leave) => {
          settled();
          resolve(leave);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      };
      signal?.addEventListener("abort", aborted);
      const share = this.#share(key);
      (urgent ? share.urgent : share.later).push(waiter);
      this.#waiting++;
      this.#schedule();
    });
  }

  /** Rejects everything that waits. */
  rejectWaiting(reason: unknown): void {
    for (const share of [...this.#shares.values()]) {
      for (const waiter of [...share.urgent, ...share.later]) {
        this.#drop(waiter);
        waiter.reject(reason);
      }
    }
  }

  /** Lets one more of a key wait, or throws. */
  #admit(key: string): void {
    const { waiting = 0, waitingEach = waiting, refuse } = this.#options;
    const countOwn = (): number => {
      const own = this.#shares.get(key);
      return own === undefined ? 0 : lengthOf(own);
    };
    // What came in this turn of the event loop may wait while slots are free.
    if (this.#waiting >= waiting || countOwn() >= waitingEach) this.#pump();
    const ownWaiting = countOwn();
    if (ownWaiting >= waitingEach) throw refuse("share");
    if (this.#waiting < waiting) return;
    const [most] = [...this.#shares.values()].sort((left, right) => lengthOf(right) - lengthOf(left));
    const latest = most?.later.at(-1) ?? most?.urgent.at(-1);
    if (most === undefined || latest === undefined || lengthOf(most) <= ownWaiting + 1) throw refuse("full");
    this.#drop(latest);
    latest.reject(refuse("share"));
  }

  #share(key: string): Share {
    let share = this.#shares.get(key);
    if (share === undefined) {
      // Neither ahead of the others for the time that it did not want, nor behind.
      const usedMs = Math.min(...[...this.#shares.values()].map((other) => other.usedMs));
      share = { running: 0, usedMs: Number.isFinite(usedMs) ? usedMs : 0, urgent: [], later: [] };
      this.#shares.set(key, share);
    }
    return share;
  }

  #most(): number {
    return this.#options.runningEach ?? this.#options.running - this.#running;
  }

  #hold(key: string): () => void {
    const { clock } = this.#options;
    const share = this.#share(key);
    const began = clock.monotonic();
    share.running++;
    this.#running++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      share.running--;
      this.#running--;
      share.usedMs += clock.monotonic() - began;
      this.#forget(key, share);
      if (this.#waiting > 0) this.#schedule();
    };
  }

  /** In a microtask, so that of several that come in one turn of the event loop the right one is first. */
  #schedule(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#running < this.#options.running) {
      const next = this.#next();
      if (next === undefined) return;
      // Before it leaves the list: a share of which nothing is left is forgotten, with the time that it used.
      const leave = this.#hold(next.key);
      this.#drop(next);
      next.grant(leave);
    }
  }

  #next(): Waiter | undefined {
    let best: { share: Share; waiter: Waiter } | undefined;
    for (const share of this.#shares.values()) {
      const waiter = share.urgent[0] ?? share.later[0];
      if (waiter === undefined || share.running >= this.#most()) continue;
      if (best === undefined || compare({ share, waiter }, best) < 0) best = { share, waiter };
    }
    return best?.waiter;
  }

  #drop(waiter: Waiter): void {
    const share = this.#shares.get(waiter.key);
    if (share === undefined) return;
    for (const list of [share.urgent, share.later]) {
      // The first of a list leaves it most of the time.
      const index = list.indexOf(waiter);
      if (index < 0) continue;
      list.splice(index, 1);
      this.#waiting--;
    }
    this.#forget(waiter.key, share);
  }

  #forget(key: string, share: Share): void {
    if (share.running === 0 && lengthOf(share) === 0 && this.#shares.get(key) === share) this.#shares.delete(key);
  }
}

function lengthOf({ urgent, later }: Share): number {
  return urgent.length + later.length;
}

function compare(left: { share: Share; waiter: Waiter }, right: { share: Share; waiter: Waiter }): number {
  return (
    left.share.running - right.share.running ||
    left.share.usedMs - right.share.usedMs ||
    left.waiter.order - right.waiter.order
  );
}
