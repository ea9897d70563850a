// What this node can do: kept from the last time, measured when nothing is known or it is old, and only while nobody
// calls.

import { availableParallelism } from "node:os";
import { backoffMs } from "../core/backoff.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { pause, type Random, type Timers } from "../core/timers.js";
import type { StateFiles } from "../storage/state-files.js";
import type { Capacity, CapacitySource } from "./capacity.js";
import { Contention } from "./contention.js";
import { coresOfQuota, fingerprintOf } from "./fingerprint.js";
import type { KernelRunner } from "./kernel-runner.js";
import { capacityOf, isStarved, isSure, type Profile, readProfile } from "./profile.js";
import { measureProfile } from "./profiler.js";

/** The kernels, ready to run. `release` frees what the runners left in the sandbox. */
export interface ReadyKernels {
  readonly digest: string;
  /** A runner on so many workers. */
  runner(workers: number): KernelRunner;
  release(): void;
}

/** What {@link OwnCapacity} needs of its node. */
export interface OwnCapacityOptions {
  /** All workers of the node, also those that it may not use now. */
  readonly workers: number;
  /**
   * The node as it is: workers that calls may use, calls that run, calls that wait, and whether something is compiled
   * or prepared.
   */
  readonly load: () => NodeLoad;
  /** Processor time that this process has used so far, of all its threads, in milliseconds. */
  readonly cpuMs: () => number;
  /** Rejects when the build left none. */
  readonly kernels: () => Promise<ReadyKernels>;
  /** Where the last profile is kept. */
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
}

/** What a profile gives way to. */
export interface NodeLoad {
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly deploying: boolean;
}

const fileName = "profile";
/**
 * How often a node that has something to measure looks whether it may: nobody called for {@link quietLooks} of these.
 */
const lookMs = 500;
const quietLooks = 3;
/** How often one that knows itself looks whether that is old. */
const restMs = 60_000;
/** How often a profile under way looks whether the calls are over that it gives way to. */
const giveWayMs = 50;
/**
 * How long it rests, on average, when other programs want its cores, and how long at most in all: some machines are
 * never quiet.
 */
const restForOthersMs = 500;
const maxRestForOthersMs = 10_000;
/** A profile that takes longer, waits for calls left out, would hold a worker that runs by fits and starts. */
const giveUpMs = 30_000;
/** After so long a profile is made again: machines are changed, and so is what else they do. */
const maxAgeMs = 24 * 3_600_000;
/**
 * The same for one that was made while others used the machine, and for a try that failed: the first time, and twice as
 * long each time. A machine that is never quiet spends a second a minute on it.
 */
const retryMs = { firstMs: 20_000, lastMs: 60_000 };

/** A {@link CapacitySource} that measures. `start` and `stop` are idempotent; nothing waits for it. */
export class OwnCapacity implements CapacitySource {
  readonly #options: OwnCapacityOptions;
  readonly #listeners = new Set<(capacity: Capacity) => void>();
  #stop: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #kernels: ReadyKernels | undefined;
  #profile: Profile | undefined;
  #current: Capacity | undefined;
  /** No try before, in milliseconds since the epoch. */
  #notBefore = Number.NEGATIVE_INFINITY;
  /** Tries since the last one that was made in a quiet moment. */
  #doubtful = 0;

  constructor(options: OwnCapacityOptions) {
    this.#options = options;
  }

  /** What it is, as far as it is known. */
  get current(): Capacity | undefined {
    return this.#current;
  }

  /** The profile behind it. */
  get profile(): Profile | undefined {
    return this.#profile;
  }

  /** Calls `listener` after each change. */
  watch(listener: (capacity: Capacity) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to look for a quiet moment. */
  start(): void {
    if (this.#stop !== undefined) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#running = this.#run(stop.signal);
  }

  /** Ends a profile under way; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { log, kernels } = this.#options;
    try {
      this.#kernels = await kernels();
    } catch (cause) {
      log.warn("the kernels of the build are missing: the node counts as the reference machine", { cause });
      return;
    }
    await this.#recall(this.#kernels);
    while (!signal.aborted) {
      if (this.#isWanted() && (await this.#isQuiet(signal))) await this.#measure(this.#kernels, signal);
      const retryMs = this.#notBefore - this.#options.clock.now();
      const idleMs = retryMs > 0 ? Math.min(restMs, retryMs) : restMs;
      await this.#sleep(this.#isWanted() ? lookMs : idleMs, signal);
    }
  }

  /** Whether nothing good is known of the workers that may be used. */
  #isWanted(): boolean {
    const { load, clock } = this.#options;
    const { slots } = load();
    if (slots < 1 || clock.now() < this.#notBefore) return false;
    const profile = this.#profile;
    if (profile === undefined || profile.workers < slots) return true;
    return !isSure(profile) || Math.abs(clock.now() - profile.at) > maxAgeMs;
  }

  async #isQuiet(signal: AbortSignal): Promise<boolean> {
    for (let look = 0; look < quietLooks; look++) {
      if (signal.aborted || this.#isBusy()) return false;
      await this.#sleep(lookMs, signal);
    }
    return !signal.aborted && !this.#isBusy();
  }

  #isBusy(): boolean {
    const { running, queued, deploying } = this.#options.load();
    return deploying || running + queued > 0;
  }

  async #measure(kernels: ReadyKernels, signal: AbortSignal): Promise<void> {
    const { load, clock, cpuMs, random, files, log } = this.#options;
    const workers = load().slots;
    const contention = new Contention({ clock, cpuMs, cores: usableCores() });
    let began = clock.monotonic();
    let restedMs = 0;
    const turn = async (): Promise<void> => {
      const came = clock.monotonic();
      if (restedMs < maxRestForOthersMs && contention.wasFelt()) {
        // Nodes that measure the same machine must not rest and go on together.
        await this.#sleep(restForOthersMs * (0.5 + random()), signal);
        restedMs += clock.monotonic() - came;
      }
      while (this.#isBusy() && !signal.aborted) await this.#sleep(giveWayMs, signal);
      signal.throwIfAborted();
      began += clock.monotonic() - came;
      // Threads of the idle class may hardly run at all.
      if (clock.monotonic() - began > giveUpMs) throw new HerdError("node.overloaded", "the machine is too busy now");
      // What is measured is so many workers: with fewer it would be something else.
      if (load().slots < workers) throw new HerdError("node.overloaded", "fewer workers may be used now");
    };
    const fingerprint = this.#fingerprint(kernels);
    try {
      const inner = kernels.runner(workers);
      const runner: KernelRunner = {
        workers,
        run: async (kernel, calls) => {
          await turn();
          return contention.during(calls.workers, () => inner.run(kernel, calls));
        },
      };
      const cpuShare = (): number => contention.share;
      const profile = await measureProfile({ runner, clock, fingerprint, length: "short", cpuShare, signal });
      if (isSure(profile)) {
        this.#doubtful = 0;
        this.#take(profile);
        await files.write(fileName, JSON.stringify(profile));
        return;
      }
      this.#retryLater();
      const known = this.#profile;
      // What was found in a quiet moment is nearer to the truth, old as it is. What counts for a moment is not kept for
      // the next start.
      const isBetter = known === undefined || known.workers < workers || !isSure(known);
      if (isBetter && !isStarved(profile)) this.#take(profile);
    } catch (cause) {
      if (signal.aborted) return;
      this.#retryLater();
      // The node had to stop its calls, or got no time for them: no fault of the kernels.
      if (cause instanceof HerdError && cause.code === "node.overloaded") this.#notBefore = clock.now() + restMs;
      else log.warn("the capacity could not be measured", { cause });
    } finally {
      kernels.release();
    }
  }

  /** Soon at first, since most machines are busy for a moment, and less often where they always are. */
  #retryLater(): void {
    this.#notBefore = this.#options.clock.now() + backoffMs(++this.#doubtful, retryMs);
  }

  async #recall(kernels: ReadyKernels): Promise<void> {
    const bytes = await this.#options.files.read(fileName).catch(() => undefined);
    const profile = bytes === undefined ? undefined : readProfile(bytes.toString("utf8"));
    if (profile?.fingerprint === this.#fingerprint(kernels)) this.#take(profile);
  }

  #fingerprint({ digest }: ReadyKernels): string {
    return fingerprintOf({ workers: this.#options.workers, kernelsDigest: digest });
  }

  #take(profile: Profile): void {
    const capacity = capacityOf(profile);
    this.#profile = profile;
    this.#current = capacity;
    for (const listener of [...this.#listeners]) listener(capacity);
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return pause(ms, { timers: this.#options.timers, signal });
  }
}

function usableCores(): number {
  return Math.min(availableParallelism(), coresOfQuota() ?? Number.POSITIVE_INFINITY);
}
