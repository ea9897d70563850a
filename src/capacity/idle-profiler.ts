// This node's own capacity: read from its last profile, and measured when there is none or it is old, only while no
// call runs.

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

/** The kernels, ready to run. `release` frees what the runners keep in the sandbox. */
export interface ReadyKernels {
  /** A runner on this number of workers. */
  runner(workers: number): KernelRunner;
  release(): void;
}

/** What {@link IdleProfiler} needs of its node. */
export interface IdleProfilerOptions {
  /** All workers of the node, also those that the allowance leaves out now. */
  readonly workers: number;
  /** The load of the node now. */
  readonly load: () => NodeLoad;
  /** Processor time that this process has used so far, of all its threads, in milliseconds. */
  readonly cpuMs: () => number;
  /** SHA-256 (hex) of the kernels of the build. Rejects when there are none. */
  readonly digest: () => Promise<string>;
  /** Prepares these kernels, for one profile: most starts find a valid profile and need none. */
  readonly kernels: () => Promise<ReadyKernels>;
  /** Where the last profile is kept. */
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * The load that a profile gives way to: workers that calls may use, calls that run and wait, and whether an upload is
 * compiled or prepared.
 */
interface NodeLoad {
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly deploying: boolean;
}

const fileName = "profile";
/**
 * Between two checks of a node that has something to measure, ms. It measures after {@link quietChecks} checks without
 * a call. Shorter measures sooner after a start, and wakes an idle node more often.
 */
const checkMs = 500;
const quietChecks = 3;
/** Between two checks of a node with a valid profile, ms. */
const restMs = 60_000;
/** Between two checks of a profile that waits for calls to end, ms. */
const giveWayMs = 50;
/**
 * The mean rest of a profile while other programs use its cores, ms, with jitter; and the most rest in all, since some
 * machines are never quiet.
 */
const restForOthersMs = 500;
const maxRestForOthersMs = 10_000;
/**
 * A profile that takes longer than this is given up, ms, waits for calls left out: it would hold a worker that hardly
 * runs.
 */
const giveUpMs = 30_000;
/** The age at which a profile is made again, ms: machines change, and so do the other programs that they run. */
const maxAgeMs = 24 * 3_600_000;
/**
 * Exponential backoff after a profile that failed, or that was made while other programs used the machine. On a machine
 * that is never quiet, profiles take a second a minute.
 */
const retryMs = { firstMs: 20_000, lastMs: 60_000 };

/**
 * A {@link CapacitySource} that measures. `start` and `stop` are idempotent. The node serves without waiting for it.
 */
export class IdleProfiler implements CapacitySource {
  readonly #options: IdleProfilerOptions;
  readonly #listeners = new Set<(capacity: Capacity) => void>();
  #stop: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #fingerprint = "";
  #profile: Profile | undefined;
  #current: Capacity | undefined;
  /** The earliest time of the next profile, epoch ms. */
  #notBefore = Number.NEGATIVE_INFINITY;
  /** Profiles since the last one that was made in a quiet moment. */
  #retries = 0;

  constructor(options: IdleProfilerOptions) {
    this.#options = options;
  }

  /** The capacity, once it is known. */
  get current(): Capacity | undefined {
    return this.#current;
  }

  /** The profile behind {@link current}. */
  get profile(): Profile | undefined {
    return this.#profile;
  }

  /** Calls `listener` after each change. */
  watch(listener: (capacity: Capacity) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to wait for a quiet moment. */
  start(): void {
    if (this.#stop !== undefined) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#running = this.#run(stop.signal);
  }

  /** Ends a profile under way; resolves when none runs any more. */
  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { log, workers, digest } = this.#options;
    try {
      this.#fingerprint = fingerprintOf({ workers, kernelsDigest: await digest() });
    } catch (cause) {
      log.warn("the kernels of the build are missing: the node counts as the reference machine", { cause });
      return;
    }
    await this.#restore();
    while (!signal.aborted) {
      if (this.#isDue() && (await this.#isQuiet(signal))) await this.#measure(signal);
      const retryMs = this.#notBefore - this.#options.clock.now();
      const idleMs = retryMs > 0 ? Math.min(restMs, retryMs) : restMs;
      await this.#sleep(this.#isDue() ? checkMs : idleMs, signal);
    }
  }

  /** Whether there is no valid profile of the workers that calls may use. */
  #isDue(): boolean {
    const { load, clock } = this.#options;
    const { slots } = load();
    if (slots < 1 || clock.now() < this.#notBefore) return false;
    const profile = this.#profile;
    if (profile === undefined || profile.workers < slots) return true;
    return !isSure(profile) || Math.abs(clock.now() - profile.at) > maxAgeMs;
  }

  async #isQuiet(signal: AbortSignal): Promise<boolean> {
    for (let check = 0; check < quietChecks; check++) {
      if (signal.aborted || this.#isBusy()) return false;
      await this.#sleep(checkMs, signal);
    }
    return !signal.aborted && !this.#isBusy();
  }

  #isBusy(): boolean {
    const { running, queued, deploying } = this.#options.load();
    return deploying || running + queued > 0;
  }

  async #measure(signal: AbortSignal): Promise<void> {
    const { load, clock, cpuMs, random, files, log } = this.#options;
    const workers = load().slots;
    const contention = new Contention({ clock, cpuMs, cores: usableCores() });
    let began = clock.monotonic();
    let restedMs = 0;
    const giveWay = async (): Promise<void> => {
      const came = clock.monotonic();
      if (restedMs < maxRestForOthersMs && contention.wasContended()) {
        // Jitter: nodes that measure the same machine must not rest and continue together.
        await this.#sleep(restForOthersMs * (0.5 + random()), signal);
        restedMs += clock.monotonic() - came;
      }
      while (this.#isBusy() && !signal.aborted) await this.#sleep(giveWayMs, signal);
      signal.throwIfAborted();
      began += clock.monotonic() - came;
      // Threads of the idle scheduling class may hardly run at all.
      if (clock.monotonic() - began > giveUpMs) throw new HerdError("node.unavailable", "the machine is too busy now");
      // A profile holds for one number of workers.
      if (load().slots < workers) throw new HerdError("node.unavailable", "fewer workers may be used now");
    };
    const fingerprint = this.#fingerprint;
    let kernels: ReadyKernels | undefined;
    try {
      kernels = await this.#options.kernels();
      const inner = kernels.runner(workers);
      const runner: KernelRunner = {
        workers,
        run: async (kernel, calls) => {
          await giveWay();
          return contention.during(calls.workers, () => inner.run(kernel, calls));
        },
      };
      const cpuShare = (): number => contention.share;
      const profile = await measureProfile({ runner, clock, fingerprint, length: "short", cpuShare, signal });
      if (isSure(profile)) {
        this.#retries = 0;
        this.#take(profile);
        await files.write(fileName, JSON.stringify(profile));
        return;
      }
      this.#retryLater();
      const known = this.#profile;
      // An old profile of a quiet moment is nearer to the truth than a new one of a busy moment, which is therefore not
      // stored for the next start.
      const isBetter = known === undefined || known.workers < workers || !isSure(known);
      if (isBetter && !isStarved(profile)) this.#take(profile);
    } catch (cause) {
      if (signal.aborted) return;
      this.#retryLater();
      // The owner's policy preempted the profile, or other programs left it no time: no fault of the kernels.
      if (cause instanceof HerdError && cause.fault === "node") this.#notBefore = clock.now() + restMs;
      else log.warn("the capacity could not be measured", { cause });
    } finally {
      kernels?.release();
    }
  }

  /** See {@link retryMs}: most machines are busy for a moment only. */
  #retryLater(): void {
    this.#notBefore = this.#options.clock.now() + backoffMs(++this.#retries, retryMs);
  }

  async #restore(): Promise<void> {
    const bytes = await this.#options.files.read(fileName).catch(() => undefined);
    const profile = bytes === undefined ? undefined : readProfile(bytes.toString("utf8"));
    if (profile?.fingerprint === this.#fingerprint) this.#take(profile);
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
