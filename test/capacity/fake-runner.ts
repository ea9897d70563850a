// A machine for the profiler, in a time of its own: so fast in each kernel, so steady, with so much of it left for us.

import { type Kernel, kernels } from "../../src/capacity/capacity.js";
import type { KernelCalls, KernelRun, KernelRunner } from "../../src/capacity/kernel-runner.js";
import { referenceNs } from "../../src/capacity/reference.js";

/** What the machine is like; all but the speeds are ideal unless given. */
export interface FakeMachine {
  readonly workers: number;
  /** Reference machines that one worker is worth, by kernel; 1 when it is not given. */
  readonly speed?: Partial<Record<Kernel, number>>;
  /** What a worker keeps of its speed while all work. */
  readonly together?: number;
  readonly setUpMs?: number;
  /** How much longer a call takes to begin at most. */
  readonly jitterMs?: number;
  /** Workers that run at a time, when there are fewer cores than workers; the others wait for their end. */
  readonly cores?: number;
  /** Calls of a kernel that run ten times slower, as before the optimizing compiler is done. */
  readonly slowCalls?: number;
  /** What a call waits for a core that others have, from a number in [0, 1). */
  readonly othersMs?: (random: number) => number;
  /** How much longer a call takes, from a number in [0, 1). */
  readonly noise?: (random: number) => number;
  /** Of each period of so many milliseconds, the first part alone is ours. */
  readonly quota?: { readonly periodMs: number; readonly share: number };
}

/** A {@link KernelRunner} whose calls take no time but say that they did. */
export class FakeRunner implements KernelRunner {
  readonly #machine: FakeMachine;
  readonly #calls = new Map<Kernel, number>();
  #seed = 42;
  readonly #busyMs: number[] = [];
  /** Milliseconds since the start. */
  now = 0;
  /** Milliseconds of the longest call. */
  longestMs = 0;

  constructor(machine: FakeMachine) {
    this.#machine = machine;
  }

  get workers(): number {
    return this.#machine.workers;
  }

  async run(kernel: Kernel, { iterations, workers, signal }: KernelCalls): Promise<readonly KernelRun[]> {
    signal?.throwIfAborted();
    const { speed = {}, together = 1, setUpMs = 0.1, slowCalls = 0, noise = () => 1, jitterMs = 0 } = this.#machine;
    const calls = (this.#calls.get(kernel) ?? 0) + 1;
    this.#calls.set(kernel, calls);
    const factor = (speed[kernel] ?? 1) * (workers > 1 ? together : 1) * (calls <= slowCalls ? 0.1 : 1);
    const { cores = workers, othersMs } = this.#machine;
    const runs = Array.from({ length: workers }, (_, index) => {
      const jitter = jitterMs > 0 ? jitterMs * this.#random() : 0;
      const workMs = setUpMs + jitter + ((iterations * referenceNs[kernel]) / 1e6 / factor) * noise(this.#random());
      const waitMs = 0.05 + Math.floor(index / cores) * workMs + (othersMs?.(this.#random()) ?? 0);
      return { waitMs, runMs: this.#held(workMs) };
    });
    this.longestMs = Math.max(this.longestMs, ...runs.map(({ runMs }) => runMs));
    for (const [index, { runMs }] of runs.entries()) this.#busyMs[index] = (this.#busyMs[index] ?? 0) + runMs;
    this.now += Math.max(...runs.map(({ runMs, waitMs }) => runMs + waitMs));
    return runs;
  }

  /** Calls that were made of each kernel, the least of them. */
  get fewestCalls(): number {
    return Math.min(...kernels.map((kernel) => this.#calls.get(kernel) ?? 0));
  }

  /** Milliseconds in which the busiest worker ran. */
  get busiestMs(): number {
    return Math.max(...this.#busyMs);
  }

  /** How long `workMs` take from now when we are held for a part of each period. */
  #held(workMs: number): number {
    const { quota } = this.#machine;
    if (quota === undefined) return workMs;
    const oursMs = quota.periodMs * quota.share;
    let at = this.now;
    let left = workMs;
    while (left > 0) {
      const phase = at % quota.periodMs;
      const free = Math.max(0, oursMs - phase);
      if (free >= left) return at + left - this.now;
      left -= free;
      at += quota.periodMs - phase;
    }
    return at - this.now;
  }

  /** A linear congruential generator (Numerical Recipes). */
  #random(): number {
    this.#seed = (this.#seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return this.#seed / 2 ** 32;
  }
}
