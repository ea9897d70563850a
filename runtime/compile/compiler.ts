// The node's side of compilation: disposable processes, one of them warm before it is needed (cold start), each
// replaced after any fault, and none while nobody deploys.

import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../src/core/clock.js";
import { systemClock } from "../../src/core/clock.js";
import { HerdError } from "../../src/core/errors.js";
import { FairSlots } from "../../src/core/fair-slots.js";
import { defaultLimits, type Limits } from "../../src/core/limits.js";
import type { SourceFile } from "../../src/core/source-file.js";
import { placedInUpload } from "../../src/core/upload-place.js";
import type { Compilation } from "./compile.js";
import type { CompileRequest } from "./messages.js";
import { CompilerProcess, DoubtfulEnd } from "./process/child-handle.js";
import { readSources } from "./source/upload-files.js";
import { warmUpSource } from "./warm-up.js";

/** Dependencies of a {@link Compiler}. */
export interface CompilerOptions {
  readonly limits: Limits;
  readonly clock?: Pick<Clock, "monotonic">;
  /** Idle time after which all processes but one (some 300 MB each) end. Default 60 s. */
  readonly idleMs?: number;
  /**
   * Idle time after which the last process ends too. Longer keeps its memory, shorter makes more first deploys wait for
   * a new process: seconds. Default 10 minutes.
   */
  readonly restMs?: number;
  /**
   * Memory that a process may keep between two sources, in bytes. One that holds more is replaced: the next source
   * waits for a cold one. Default 480 MiB; after small sources, Node 20 holds 310 to 335, Node 24 430 to 470.
   */
  readonly restBytes?: number;
}

/** Options of one compilation. */
export interface CompileOptions {
  readonly signal?: AbortSignal | undefined;
  /** Key of the caller (a token's id). One key has one process at a time at most, so that another key finds one. */
  readonly key?: string;
}

/** Compilations at a time: the second is for another caller, while a first one takes its ten seconds. */
export const parallelCompilations = 2;
/**
 * Compilations after which a process counts as warm. The first one takes several times as long as the fourth: the
 * engine optimizes the compiler's code as it runs.
 */
const warmCompilations = 3;
const defaultRestBytes = 480 * 1024 * 1024;
/** The longest wait of an upload for a warm-up under way, in milliseconds: another process would be cold. */
const warmWaitMs = 10_000;
/** Far more than callers let wait: callers that bound their uploads do so by themselves. */
const maxWaiting = 10_000;

/** Compiles uploads in processes of their own: two at a time, those of one key one after the other. */
export class Compiler {
  readonly #limits: Limits;
  readonly #idleMs: number;
  readonly #restMs: number;
  readonly #restBytes: number;
  readonly #slots: FairSlots;
  /** Free processes, the most recently used at the end. */
  readonly #idle: CompilerProcess[] = [];
  readonly #busy = new Set<CompilerProcess>();
  readonly #under = new Set<Promise<unknown>>();
  #release: NodeJS.Timeout | undefined;
  #rest: NodeJS.Timeout | undefined;
  /** A warm-up under way: it holds the process that the next upload gets. */
  #warming: Promise<void> | undefined;
  #failedToWarm = false;
  #stopped = false;

  constructor(options: CompilerOptions) {
    const { limits, clock = systemClock, idleMs = 60_000, restMs = 600_000, restBytes = defaultRestBytes } = options;
    this.#limits = limits;
    this.#idleMs = idleMs;
    this.#restMs = restMs;
    this.#restBytes = restBytes;
    this.#slots = new FairSlots({
      clock,
      running: parallelCompilations,
      runningEach: 1,
      waiting: maxWaiting,
      refuse: () => new HerdError("compile.busy", "too many uploads wait for the compiler", { retryAfterSeconds: 5 }),
    });
  }

  /** Starts a process, so that the first upload need not wait for it. */
  start(): void {
    if (this.#stopped || this.#idle.length + this.#busy.size > 0) return;
    this.#idle.push(new CompilerProcess(this.#limits.compileMemoryBytes));
    this.#endIdle();
  }

  /** Whether a process compiles, an upload or to warm up. */
  get busy(): boolean {
    return this.#busy.size > 0;
  }

  /**
   * Compiles a source of our own in the process that waits for the next upload, if it has compiled little so far. That
   * takes up to some seconds, and an upload that comes meanwhile waits for it. Returns whether there is more to warm
   * up. After a failure there never is: uploads report what is wrong.
   */
  async warmUp(): Promise<boolean> {
    if (this.#stopped || this.#failedToWarm) return false;
    if (this.busy || this.#under.size > 0) return true;
    const next = this.#idle.at(-1);
    if (next === undefined || next.compilations >= warmCompilations) return false;
    this.#warming = this.#warm(next);
    await this.#warming;
    this.#warming = undefined;
    return !this.#failedToWarm && next.compilations < warmCompilations;
  }

  async #warm(process: CompilerProcess): Promise<void> {
    try {
      // The bounds of uploads are not those of our own source.
      const request = readSources([{ path: "index.ts", text: warmUpSource }], defaultLimits);
      await this.#compileOnce({ ...request, cpuMs: this.#limits.compileCpuMs });
    } catch {
      this.#failedToWarm = true;
    }
    // Where each compilation leaves more memory than a process may keep, none gets warm.
    if (process.ended) this.#failedToWarm = true;
  }

  /** Ids of the processes in the operating system. */
  get pids(): number[] {
    return [...this.#idle, ...this.#busy].flatMap(({ pid }) => pid ?? []);
  }

  /**
   * Compiles `files`. An abort takes effect while the upload waits for its turn.
   * @throws {HerdError} `source.invalid` or `type.unsupported` with diagnostics; `source.invalid` also when the
   * compiler exceeded its processor time or memory, or crashed; `compile.timeout` when the machine was too slow.
   */
  async compile(files: readonly SourceFile[], { signal, key = "" }: CompileOptions = {}): Promise<Compilation> {
    if (this.#stopped) throw draining();
    const leave = await this.#slots.enter(key, { signal });
    try {
      return await this.#track(
        this.#compile({ ...readSources(files, this.#limits), cpuMs: this.#limits.compileCpuMs }),
      );
    } catch (error) {
      throw placedInUpload(error, files);
    } finally {
      leave();
    }
  }

  /** Ends the processes; a running compilation fails. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#release);
    clearTimeout(this.#rest);
    this.#slots.rejectWaiting(draining());
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((process) => process.stop()));
    await Promise.all([...this.#under, this.#warming]);
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    this.#under.add(settled);
    void settled.then(() => this.#under.delete(settled));
    return work;
  }

  async #compile(request: CompileRequest): Promise<Compilation> {
    if (this.#warming !== undefined) await Promise.race([this.#warming, delay(warmWaitMs, undefined, { ref: false })]);
    try {
      return await this.#compileOnce(request);
    } catch (error) {
      // A second try, with no other source's memory: where the system is short of it, it ends the largest process.
      if (error instanceof DoubtfulEnd && !this.#stopped) return this.#compileOnce(request, { fresh: true });
      throw error;
    }
  }

  async #compileOnce(request: CompileRequest, { fresh = false } = {}): Promise<Compilation> {
    if (this.#stopped) throw draining();
    clearTimeout(this.#release);
    clearTimeout(this.#rest);
    const process = fresh ? this.#takeFresh() : this.#take();
    this.#busy.add(process);
    let large = false;
    try {
      const reply = await process.compile(request, this.#limits.compileTimeoutMs);
      large = reply.residentBytes > this.#restBytes;
      if (reply.kind === "failed") throw HerdError.fromData(reply.error);
      return { component: reply.component, interface: reply.interface };
    } catch (error) {
      throw this.#stopped ? draining() : error;
    } finally {
      if (large || process.ended) await process.stop();
      this.#busy.delete(process);
      if (!this.#stopped) this.#keep(process);
    }
  }

  /** The most recently used process, if it lives: a warm one compiles twice as fast. */
  #take(): CompilerProcess {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) if (!last.ended) return last;
    return new CompilerProcess(this.#limits.compileMemoryBytes);
  }

  /** A process that has compiled nothing. */
  #takeFresh(): CompilerProcess {
    const at = this.#idle.findIndex(({ compilations, ended }) => compilations === 0 && !ended);
    return (at < 0 ? undefined : this.#idle.splice(at, 1)[0]) ?? new CompilerProcess(this.#limits.compileMemoryBytes);
  }

  /** Returns the process for the next upload, or starts another one in its place. */
  #keep(process: CompilerProcess): void {
    if (!process.ended) this.#idle.push(process);
    else this.start();
    this.#endIdle();
  }

  /** Ends the processes that stay idle: see {@link CompilerOptions}. */
  #endIdle(): void {
    const end = (kept: number): void => {
      for (const spare of this.#idle.splice(0, this.#idle.length - kept)) void spare.stop();
    };
    clearTimeout(this.#release);
    clearTimeout(this.#rest);
    this.#release = setTimeout(() => end(1), this.#idleMs).unref();
    this.#rest = setTimeout(() => end(0), this.#restMs).unref();
  }
}

function draining(): HerdError {
  return new HerdError("node.draining", "the node is stopping", { retryAfterSeconds: 5 });
}
