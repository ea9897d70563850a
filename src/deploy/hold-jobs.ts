// Queue of manifests to be held: the order of the jobs, their waiting callers, and retries with backoff.

import type { ManifestRecord } from "../catalog/manifest.js";
import { backoffMs } from "../core/backoff.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import { FairSlots } from "../core/fair-slots.js";
import type { Timers } from "../core/timers.js";

/**
 * Jobs at a time, in all and of one author: an author whose bytes never come blocks no place of another's. More wait
 * than are ever announced.
 */
const slots = { running: 8, runningEach: 2, waiting: 100_000 };
const retryMs = { firstMs: 200, lastMs: 10_000 };
/** Waits after a failure whose cause lies in the manifest or its bytes. */
const lastingRetryMs = { firstMs: 60_000, lastMs: 600_000 };

/** One manifest to hold; `holders` are peers that reported to have its bytes. */
export interface HoldJob {
  readonly record: ManifestRecord;
  readonly holders: Set<string>;
}

/** Dependencies of {@link HoldJobs}. */
export interface HoldJobsOptions {
  readonly timers: Timers;
  readonly clock: Pick<Clock, "monotonic">;
  /** The author in whose share a manifest counts. */
  readonly authorOf: (record: ManifestRecord) => string;
  /** Whether this manifest goes before others of its author. */
  readonly isUrgent: (record: ManifestRecord) => boolean;
  /** Whether the manifest still has to be held. */
  readonly isOpen: (record: ManifestRecord) => boolean;
  /** Holds the manifest, or rejects. */
  readonly run: (job: HoldJob) => Promise<void>;
  readonly onFailure?: (job: HoldJob, failure: HoldFailure) => void;
}

/**
 * Why a manifest could not be held, after how many tries. A lasting reason lies in the manifest or in this machine, not
 * in the links.
 */
interface HoldFailure {
  readonly cause: unknown;
  readonly tries: number;
  readonly lasting: boolean;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

interface State extends HoldJob {
  tries: number;
  phase: "new" | "queued" | "running" | "failed";
  /** Manifests whose last try failed and that wait for the next. */
  lasting: unknown;
  cancelRetry: () => void;
  readonly waiting: Set<Waiting>;
}

/** Runs jobs, eight at a time and two of one author, each manifest once at a time. */
export class HoldJobs {
  readonly #options: HoldJobsOptions;
  readonly #jobs = new Map<string, State>();
  readonly #slots: FairSlots;
  #stopped = false;

  constructor(options: HoldJobsOptions) {
    this.#options = options;
    this.#slots = new FairSlots({ clock: options.clock, ...slots, refuse: tooMany });
  }

  /** Whether a job runs or is ready to run. */
  get busy(): boolean {
    return this.#slots.running + this.#slots.waiting > 0;
  }

  /** Adds a manifest. */
  add(record: ManifestRecord): void {
    const { id } = record;
    if (this.#stopped || this.#jobs.has(id)) return;
    const job: State = {
      record,
      holders: new Set(),
      tries: 0,
      phase: "new",
      lasting: undefined,
      cancelRetry: () => undefined,
      waiting: new Set(),
    };
    this.#jobs.set(id, job);
    this.#queue(job);
  }

  /** Retries at once the manifests that failed for want of a link. */
  retryAll(): void {
    for (const job of [...this.#jobs.values()]) {
      if (job.phase === "failed" && job.lasting === undefined) this.#queue(job);
    }
  }

  /**
   * Resolves when the manifest is held, or need not be any more. Rejects with the failure of the next try, and with the
   * signal's reason.
   */
  ended(id: string, { holder, signal }: { readonly holder: string; readonly signal: AbortSignal }): Promise<void> {
    const job = this.#jobs.get(id);
    if (job === undefined) return Promise.resolve();
    job.holders.add(holder);
    if (job.phase === "failed") {
      // Repeated requests must not cause a pull and a preparation each.
      if (job.lasting !== undefined) return Promise.reject(job.lasting);
      this.#queue(job);
    }
    return new Promise((resolve, reject) => {
      const left = () => waiting.reject(signal.reason);
      const settle = (done: () => void) => {
        signal.removeEventListener("abort", left);
        job.waiting.delete(waiting);
        done();
      };
      const waiting: Waiting = {
        resolve: () => settle(resolve),
        reject: (reason) => settle(() => reject(reason)),
      };
      job.waiting.add(waiting);
      signal.addEventListener("abort", left);
      if (signal.aborted) left();
    });
  }

  /** Starts no more jobs. Callers that wait are rejected with `node.draining`. */
  stop(): void {
    this.#stopped = true;
    for (const job of this.#jobs.values()) {
      job.cancelRetry();
      for (const waiting of [...job.waiting]) waiting.reject(stopping());
    }
    this.#jobs.clear();
    this.#slots.rejectWaiting(stopping());
  }

  #queue(job: State): void {
    job.cancelRetry();
    if (job.phase === "queued") return;
    job.phase = "queued";
    void this.#run(job);
  }

  async #run(job: State): Promise<void> {
    const { authorOf, isUrgent, isOpen, run } = this.#options;
    let leave = (): void => undefined;
    try {
      leave = await this.#slots.enter(authorOf(job.record), { urgent: isUrgent(job.record) });
      job.phase = "running";
      if (isOpen(job.record)) await run(job);
      this.#jobs.delete(job.record.id);
      for (const waiting of [...job.waiting]) waiting.resolve();
    } catch (cause) {
      this.#failed(job, cause);
    } finally {
      leave();
    }
  }

  #failed(job: State, cause: unknown): void {
    for (const waiting of [...job.waiting]) waiting.reject(cause);
    if (this.#stopped) return;
    if (!this.#options.isOpen(job.record)) {
      this.#jobs.delete(job.record.id);
      return;
    }
    job.phase = "failed";
    const lasting = cause instanceof HerdError && cause.fault === "caller";
    job.lasting = lasting ? cause : undefined;
    const delayMs = backoffMs(job.tries + 1, lasting ? lastingRetryMs : retryMs);
    job.tries++;
    this.#options.onFailure?.(job, { cause, tries: job.tries, lasting });
    job.cancelRetry = this.#options.timers.after(delayMs, () => this.#queue(job));
  }
}

function stopping(): HerdError {
  return new HerdError("node.draining", "the node is stopping", { retryAfterSeconds: 1 });
}

function tooMany(): HerdError {
  return new HerdError("node.overloaded", "too many deploys wait to be held", { retryAfterSeconds: 10 });
}
