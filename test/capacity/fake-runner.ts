// A simulated machine for the profiler: its speed in each kernel, its noise, and the share that other programs leave.

import { type Kernel, kernels } from "../../src/capacity/capacity.js";
import type { KernelCalls, KernelRun, KernelRunner } from "../../src/capacity/kernel-runner.js";
import { referenceNs } from "../../src/capacity/reference.js";

/** The machine. By default it is ideal, and as fast as the reference machine. */
export interface FakeMachine {
  readonly workers: number;
  /** Speed of one worker by kernel, in reference machines; default 1. */
  readonly speed?: Partial<Record<Kernel, number>>;
  /** The share of its speed that a worker keeps while all work. */
  readonly together?: number;
  readonly setUpMs?: number;
  /** The most time that a call takes to begin, ms. */
  readonly jitterMs?: number;
  /** Cores, when there are fewer than workers: so many workers run at a time, and the others wait. */
  readonly cores?: number;
  /** The first calls of a kernel that run ten times slower, as before the optimizing compiler has finished. */
  readonly slowCalls?: number;
  /** The time that a call waits for a core, ms, from a number in [0, 1). */
  readonly othersMs?: (random: number) => number;
  /** The factor by which a call takes longer, from a number in [0, 1). */
  readonly noise?: (random: number) => number;
  /** A quota: of each period of this many ms, only the first part is this process'. */
  readonly quota?: { readonly periodMs: number; readonly share: number };
}

/** A {@link KernelRunner} whose calls take no real time, and report simulated time. */
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

  /** The calls of the kernel that was called least. */
  get fewestCalls(): number {
    return Math.min(...kernels.map((kernel) => this.#calls.get(kernel) ?? 0));
  }

  /** Run time of the busiest worker, ms. */
  get busiestMs(): number {
    return Math.max(...this.#busyMs);
  }

  /** The time that `workMs` take from now under the quota. */
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
