// The pool's threads as slots: greeted when they are loaded, addressed one by one, replaced when they die or do not
// answer.
import { MessageChannel, type Worker } from "node:worker_threads";
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import type { Limits } from "../../../src/core/limits.js";
import type { Batch, Greeting } from "../messages.js";
import { type GuestLogLine, Slot } from "./pool-thread.js";
import { Supervisor } from "./supervisor.js";
import { Endings, type EndReason, type ThreadEnd } from "./thread-ends.js";
import { IdleClass } from "./thread-priority.js";
import { ThreadSupply } from "./thread-supply.js";

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
  onLost(slot: Slot, reason: EndReason, cause: unknown): void;
  /** A thread ended through a defect; not every one is told. */
  onEnded(end: ThreadEnd): void;
  /** How long the first boot may take; half a minute unless given. */
  readonly bootMs?: number | undefined;
  /** How often the threads are looked after; once a second unless given. */
  readonly superviseMs?: number | undefined;
  /** The module that threads run; the sandbox's own unless given. */
  readonly worker?: URL | undefined;
}

const defaultBootMs = 30_000;
const defaultSuperviseMs = 1_000;
/** A defect that shows up in many calls costs one thread in this time. */
const faultEveryMs = 1_000;

/** Live threads, as slots. Which thread runs what is decided by their user. */
export class Threads {
  readonly #options: ThreadsOptions;
  readonly #endings: Endings;
  readonly #supervisor: Supervisor;
  #supply: ThreadSupply | undefined;
  #slots: Slot[] = [];
  /** Slots whose threads have not answered the greeting. */
  readonly #booting = new Set<Slot>();
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
    this.#endings = new Endings(options.clock, options.onEnded);
    this.#supervisor = new Supervisor({
      everyMs: options.superviseMs ?? defaultSuperviseMs,
      slots: () => this.#slots,
      booting: () => this.#booting,
      probe: (slot) => this.#probe(slot),
      onSilent: (slot) => options.onLost(slot, "silent", undefined),
      onNoGreeting: (slot) => this.#end(slot),
    });
  }

  /** All slots whose threads are ready. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Slots that run a batch. */
  get busy(): Slot[] {
    return this.#slots.filter(({ isFree, isProbed }) => !isFree && !isProbed);
  }

  /** Slots that can take one; while others are free, not those that are about to be replaced. */
  get free(): Slot[] {
    const free = this.#slots.filter(({ isFree }) => isFree);
    if (!this.#isRenewing) return free;
    const fresh = free.filter((slot) => !this.#isStale(slot));
    return fresh.length > 0 ? fresh : free;
  }

  /** Threads that answer, busy ones included. */
  get able(): number {
    return this.#slots.reduce((count, slot) => count + (this.#supervisor.isInDoubt(slot) ? 0 : 1), 0);
  }

  /** False from the end of the last thread, or the doubt in it, until one answers again. */
  get isAble(): boolean {
    if (this.#slots.length === 0) return this.#goneSince === undefined;
    return this.#slots.some((slot) => !this.#supervisor.isInDoubt(slot));
  }

  /** Milliseconds since the last thread ended; 0 while there is one. */
  get goneMs(): number {
    return this.#goneSince === undefined ? 0 : this.#options.clock.monotonic() - this.#goneSince;
  }

  /** Threads that ended so far, by reason. */
  get endings(): Endings["counts"] {
    return this.#endings.counts;
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
      onLoaded: (thread) => this.#greet(thread),
      onExit: (thread, cause) => this.#exited(thread, cause),
      onFailedBoot: (cause) => {
        this.#endings.add("boot", cause);
        this.#started?.reject(cause);
      },
    });
    this.#supervisor.start();
    return started.finally(() => clearTimeout(bound));
  }

  /** Runs `batch` on the thread of `slot`; rejects when the thread is gone, dies or throws. */
  run(slot: Slot, batch: Batch): Promise<unknown> {
    if (this.#supply === undefined) throw new TypeError("the sandbox has not started");
    return this.#supply.run(slot.thread, batch, { signal: slot.kill.signal });
  }

  /** Ends the thread of `slot`, whatever it does; another is booted in its place. */
  remove(slot: Slot, reason: EndReason, cause?: unknown): void {
    if (slot.isDead) return;
    this.#slots = this.#slots.filter((one) => one !== slot);
    if (this.#slots.length === 0) this.#goneSince ??= this.#options.clock.monotonic();
    this.#endings.add(reason, cause);
    this.#end(slot);
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
    for (const slot of this.#slots) if (slot.loaded.size > 0) slot.spent ??= "given-back";
    this.#isRenewing = true;
    this.renew();
  }

  /**
   * Ends a free thread that is to be replaced, as long as all threads are there. So there is one less than all, the spare, while
   * another boots. To be called when a slot becomes free.
   */
  renew(): void {
    if (!this.#isRenewing || this.#supply === undefined || this.#stopping !== undefined) return;
    this.#isRenewing = this.#slots.some((slot) => this.#isStale(slot));
    if (!this.#isRenewing || this.#slots.length < this.#options.count) return;
    const slot = this.#slots.find((one) => one.isFree && this.#isStale(one));
    if (slot !== undefined) this.remove(slot, slot.spent ?? "given-back", slot.fault);
  }

  /** Ends all threads, those that boot as soon as they have; a start that has not ended rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#supervisor.stop();
    this.#started?.reject(new HerdError("node.draining", "the sandbox was stopped while it started"));
    for (const slot of [...this.#slots, ...this.#booting]) slot.close();
    this.#slots = [];
    this.#booting.clear();
    await this.#supply?.stop();
    await this.#idle.end();
  }

  /** In the idle class while it should not be, or spent. */
  #isStale(slot: Slot): boolean {
    return slot.spent !== undefined || (slot.isLowered && !this.#isIdleClass);
  }

  #end(slot: Slot): void {
    this.#booting.delete(slot);
    slot.close();
    this.#supply?.end(slot.thread, slot.kill);
  }

  #greet(thread: Worker): void {
    const { port1, port2 } = new MessageChannel();
    const { clock, onLog, limits, nodeName } = this.#options;
    const slot = new Slot({ thread, port: port1, clock, onLog, onFault: (cause) => this.#faulted(slot, cause) });
    this.#booting.add(slot);
    const greeting: Greeting = { outbox: slot.outbox.shared, port: port2, nodeName, limits };
    this.#supply?.run(thread, greeting, { signal: slot.kill.signal, transferList: [port2] }).then(
      (kernelId) => this.#ready(slot, kernelId as number | undefined),
      () => {
        // The exit, which follows, counts as a boot that failed.
        if (!slot.isDead) this.#end(slot);
      },
    );
  }

  #ready(slot: Slot, kernelId: number | undefined): void {
    this.#booting.delete(slot);
    if (slot.isDead) return;
    this.#supply?.settle(slot.thread);
    slot.kernelId = kernelId;
    this.#slots.push(slot);
    this.#goneSince = undefined;
    if (this.#isIdleClass) this.#lower(slot);
    else this.#idle.release(slot);
    this.renew();
    if (this.#started !== undefined && this.#slots.length >= this.#started.wanted) this.#started.resolve();
    this.#options.onReady();
  }

  /** A death that no task reports: nothing may be sent there. */
  #exited(thread: Worker, cause: unknown): void {
    const isOf = (slot: Slot): boolean => slot.thread === thread;
    const slot = this.#slots.find(isOf);
    if (slot !== undefined) this.#options.onLost(slot, "exited", cause);
    for (const one of [...this.#booting].filter(isOf)) this.#end(one);
    this.#lowered.delete(thread);
    this.#rejoin();
  }

  /** A call met a defect in the thread: what else the defect left there nobody knows. */
  #faulted(slot: Slot, cause: unknown): void {
    const now = this.#options.clock.monotonic();
    if (slot.spent === "fault" || now - this.#faultedAt < faultEveryMs) return;
    this.#faultedAt = now;
    slot.spent = "fault";
    slot.fault = cause;
    this.#isRenewing = true;
  }

  /** An empty batch, the way that calls go; it also brings what the thread is to forget. */
  #probe(slot: Slot): void {
    const batch = slot.probe();
    this.run(slot, batch).then(
      () => {
        if (slot.isDead) return;
        slot.finish();
        this.renew();
        this.#options.onReady();
      },
      (cause) => {
        if (!slot.isDead) this.#options.onLost(slot, "failed", cause);
      },
    );
  }

  #lower(slot: Slot): void {
    if (slot.isLowered || !this.#idle.lower(slot)) return;
    slot.isLowered = true;
    this.#lowered.add(slot.thread);
  }

  /** The main thread waits for a thread that ends, so the last of the idle class must have. */
  #rejoin(): void {
    if (this.#lowered.size === 0 && !this.#isIdleClass) void this.#idle.end();
  }
}
