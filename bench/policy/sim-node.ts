// A simulated node: its workers, its queue, its owner, and the load that it reports.

import { estimateWaitMs, type Load } from "../../src/invoke/routing/finish.js";
import type { EventQueue } from "./event-queue.js";
import type { Machine } from "./scenario.js";
import type { SimCall, SimEnd } from "./sim-call.js";

/** A node's report of its load. */
export interface Report extends Load {
  /** When it was sent: a newer report replaces an older one. */
  readonly atMs: number;
  readonly lightUnits: number;
}

/** Callbacks for the mesh. */
export interface NodeEvents {
  /** A call ended here. `runMs` is its run time, if it ran. */
  ended(call: SimCall, end: SimEnd, runMs: number): void;
  /** The node's load may have changed: a call began to run or to wait. */
  touched(node: SimNode): void;
  /** Its owner changed what it may use. */
  allowed(node: SimNode): void;
}

/** Weight of one run in the EWMA of service times, as in src/invoke/peers/own-load.ts. */
const share = 1 / 16;
/** Grace time of running calls when the node must stop, as in `Sandbox.preempt`. */
const graceMs = 500;
/** Time of an error of a node that fails fast. */
const failMs = 0.1;

/** One node. First come, first served. */
export class SimNode {
  readonly id: number;
  readonly machine: Machine;
  readonly #events: NodeEvents;
  readonly #queue: EventQueue;
  #waiting: SimCall[] = [];
  #head = 0;
  readonly #running = new Set<SimCall>();
  #meanMs: number | undefined;
  #progressMs = 0;
  slots: number;
  lightUnits: number;
  /** Ratio to its measured speed. */
  pace = 1;
  failing = false;
  /** Work units of calls that ran here to their end. */
  doneUnits = 0;

  constructor(id: number, { machine, queue, events }: { machine: Machine; queue: EventQueue; events: NodeEvents }) {
    this.id = id;
    this.machine = machine;
    this.#queue = queue;
    this.#events = events;
    const [first] = machine.owner;
    this.slots = first?.slots ?? machine.workers;
    this.lightUnits = first?.lightUnits ?? Number.POSITIVE_INFINITY;
    for (const { atMs, slots, lightUnits } of machine.owner.slice(1)) {
      queue.after(atMs, () => this.#allow(slots, lightUnits));
    }
    this.#break();
  }

  /**
   * The load now, as src/invoke/peers/own-load.ts computes it: while no call ends, the time since the last end stands
   * in for a smaller mean.
   */
  report(): Report {
    const { now } = this.#queue;
    const stalledMs = this.#running.size > 0 ? now - this.#progressMs : 0;
    const mean = this.#meanMs;
    const serviceMs = mean === undefined || stalledMs <= mean ? mean : stalledMs;
    const { slots, lightUnits } = this;
    return { atMs: now, slots, lightUnits, running: this.#running.size, queued: this.queued, serviceMs };
  }

  get running(): number {
    return this.#running.size;
  }

  get queued(): number {
    return this.#waiting.length - this.#head;
  }

  /** Running calls, and waiting calls in order. */
  *calls(): Iterable<SimCall> {
    yield* this.#running;
    for (let index = this.#head; index < this.#waiting.length; index++) yield this.#waiting[index] as SimCall;
  }

  /** Takes a call of its own client: also without slots, one at a time. */
  takeOwn(call: SimCall): void {
    this.#take(call);
  }

  /** Takes or refuses a call of a peer; see src/invoke/forwarding/call-receiver.ts. */
  takePeers(call: SimCall, queueTimeoutMs: number | undefined): void {
    const heavy = call.function.meanUnits > this.lightUnits;
    const busy = queueTimeoutMs !== undefined && estimateWaitMs(this.report()) > queueTimeoutMs;
    if (this.slots === 0 || heavy || busy) this.#events.ended(call, "refused", 0);
    else this.#take(call);
  }

  #take(call: SimCall): void {
    if (this.failing) {
      this.#queue.after(failMs, () => this.#events.ended(call, "failed", failMs));
      return;
    }
    if (this.#running.size === 0 && this.queued === 0) this.#progressMs = this.#queue.now;
    this.#waiting.push(call);
    this.#fill();
    this.#events.touched(this);
  }

  #fill(): void {
    while (this.queued > 0 && this.#running.size < Math.max(1, this.slots)) {
      const call = this.#waiting[this.#head++] as SimCall;
      if (this.#head > 1_000 && this.#head * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      this.#start(call);
    }
  }

  #start(call: SimCall): void {
    const { now } = this.#queue;
    call.startedMs = now;
    const run = ++call.run;
    this.#running.add(call);
    const runMs = call.units / (this.machine.speed * this.pace);
    this.#queue.after(runMs, () => {
      if (call.run !== run || !this.#running.delete(call)) return;
      this.#meanMs = this.#meanMs === undefined ? runMs : this.#meanMs + (runMs - this.#meanMs) * share;
      this.#progressMs = this.#queue.now;
      this.doneUnits += call.units;
      this.#fill();
      this.#events.ended(call, "ok", runMs);
    });
  }

  #allow(slots: number, lightUnits: number): void {
    this.slots = slots;
    this.lightUnits = lightUnits;
    this.#events.allowed(this);
    if (slots > 0) this.#fill();
    else this.#preempt();
  }

  #preempt(): void {
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    for (const call of waiting) this.#events.ended(call, "refused", 0);
    const running = [...this.#running].map((call) => ({ call, run: call.run }));
    this.#queue.after(graceMs, () => {
      for (const { call, run } of running) {
        if (call.run !== run || !this.#running.delete(call)) continue;
        this.#events.ended(call, "refused", 0);
      }
      this.#fill();
    });
  }

  #break(): void {
    const { fault } = this.machine;
    if (fault === undefined) return;
    const { fromMs, toMs, pace = 1, fails = false } = fault;
    this.#queue.after(fromMs, () => this.#turn(pace, fails));
    this.#queue.after(toMs, () => this.#turn(1, false));
  }

  #turn(pace: number, failing: boolean): void {
    this.pace = pace;
    this.failing = failing;
  }
}
