// The preparer: checks components in one thread with bounds on time and memory, one component after the other.

import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import type { Limits } from "../../../src/core/limits.js";
import type { AppInterface } from "../../interface/model.js";
import type { PreparedRevision } from "../prepared-revision.js";
import type { PrepareReply, PrepareRequest, SharedTypes } from "./prepare-messages.js";
import { threadCpuMs } from "./thread-cpu.js";
import { typeTable } from "./type-budget.js";

/** Dependencies and bounds of a {@link Preparer}; bounds that are not given are the node's defaults. */
export interface PreparerOptions {
  readonly limits: Pick<Limits, "memoryBytes">;
  readonly clock: Pick<Clock, "monotonic">;
  readonly bounds?: Partial<PrepareBounds>;
}

/**
 * Bounds of one component. A component beyond `cpuMs` or `heapMegabytes` is refused for good; beyond `wallMs` the
 * machine was slow.
 */
export interface PrepareBounds {
  readonly cpuMs: number;
  readonly wallMs: number;
  /**
   * The thread's JavaScript heap. The bytes and the engine's code are outside of it: `runtime/interface/bounds.ts`
   * bounds these. It must hold what those bounds allow, with room to spare: one allocation larger than the free rest
   * ends the process, not the thread (V8).
   */
  readonly heapMegabytes: number;
  /** Back-pressure: components that may wait. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** After this time without a component, in milliseconds, the thread ends and frees its memory. */
  readonly idleMs: number;
  /**
   * The most distinct types of all components that the process prepares: see `TypeBudget`. Far below V8's bound, since
   * V8 11 (Node 20) looks for a type among all others, 18 ns each: a module with 50 types then takes 180 ms.
   */
  readonly types: number;
}

const defaultHeapMegabytes = 256;
/** The part of the heap for new objects, beside the old generation. */
const youngMegabytes = 32;
/** The thread's whole heap within the default bounds. */
export const checkHeapBytes = (defaultHeapMegabytes + youngMegabytes) * 1024 * 1024;
const defaultBounds: PrepareBounds = {
  cpuMs: 10_000,
  wallMs: 60_000,
  heapMegabytes: defaultHeapMegabytes,
  waiting: 64,
  waitingBytes: 256 * 1024 * 1024,
  idleMs: 60_000,
  types: 200_000,
};
/** The engine's types are the process's, and so is the count of them. */
let processTypes: SharedArrayBuffer | undefined;
const bootMs = 30_000;
/** How long an end waits for a thread that boots, in milliseconds. */
const bootedMs = 5_000;
const checkMs = 100;

type Answer = Exclude<PrepareReply, { kind: "ready" | "refused" | "broken" }>;

/**
 * Prepares components and reads their interfaces, one at a time, in the order of arrival, in a thread that is replaced
 * after any fault.
 */
export class Preparer {
  readonly #options: PreparerOptions;
  readonly #bounds: PrepareBounds;
  #thread: PrepareThread | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #waitingBytes = 0;
  #stopped = false;

  constructor(options: PreparerOptions) {
    this.#options = options;
    this.#bounds = { ...defaultBounds, ...options.bounds };
  }

  /** Boots the thread before the first component needs it. A fault is reported to the next caller. */
  start(): void {
    if (this.#stopped) return;
    this.#liveThread();
    this.#planEnd();
  }

  /**
   * A component as it can be run. Throws HerdError: `source.invalid` for a fault of the component, including its cost;
   * `node.overloaded` when too many components wait, `compile.timeout` when the machine is slow, `node.unavailable`
   * when the process has no room for its types.
   */
  async prepare(component: Uint8Array, revision: string): Promise<PreparedRevision> {
    const { memoryBytes } = this.#options.limits;
    const answer = await this.#request({ kind: "prepare", bytes: component, revision, memoryBytes });
    if (answer.kind !== "prepared") throw new HerdError("internal", "the thread gave another answer");
    return answer.prepared;
  }

  /** The interface of a component. Throws as {@link prepare} does. */
  async inspect(component: Uint8Array): Promise<AppInterface> {
    const answer = await this.#request({ kind: "inspect", bytes: component });
    if (answer.kind !== "inspected") throw new HerdError("internal", "the thread gave another answer");
    return answer.interface;
  }

  /** Resolves when `source` is the stored source of a revision; throws as {@link prepare} does. */
  async checkSource(source: Uint8Array): Promise<void> {
    await this.#request({ kind: "check-source", bytes: source });
  }

  /** Ends the thread; waiting and running requests fail. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#idleTimer);
    await this.#thread?.end(draining());
    await this.#tail;
  }

  async #request(request: PrepareRequest): Promise<Answer> {
    const size = request.bytes.length;
    const { waiting, waitingBytes } = this.#bounds;
    if (this.#stopped) throw draining();
    if (this.#waiting >= waiting || (this.#waiting > 0 && this.#waitingBytes + size > waitingBytes)) {
      throw new HerdError("node.overloaded", "too many components wait to be checked", { retryAfterSeconds: 1 });
    }
    this.#waiting++;
    this.#waitingBytes += size;
    const run = (): Promise<Answer> => this.#run(request);
    const result = this.#tail.then(run, run).finally(() => {
      this.#waiting--;
      this.#waitingBytes -= size;
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #run(request: PrepareRequest): Promise<Answer> {
    clearTimeout(this.#idleTimer);
    if (this.#stopped) throw draining();
    const thread = this.#liveThread();
    try {
      return await thread.request(request);
    } finally {
      if (!this.#stopped) this.#planEnd();
    }
  }

  /** Plans the end of a thread that gets no request for a while. */
  #planEnd(): void {
    this.#idleTimer = setTimeout(() => {
      this.#tail = this.#tail.then(() => this.#endThread());
    }, this.#bounds.idleMs).unref();
  }

  async #endThread(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.end(new HerdError("internal", "the thread that checks components had done its part"));
  }

  #liveThread(): PrepareThread {
    // A thread whose heap overflows after its last reply ends by itself, and takes no more requests.
    if (this.#thread?.ended === true) this.#thread = undefined;
    this.#thread ??= new PrepareThread(this.#bounds, this.#options.clock);
    return this.#thread;
  }
}

/** One thread, from its start to its end. */
class PrepareThread {
  /** True once the thread ended or is about to: it takes no more requests. */
  ended = false;
  readonly #bounds: PrepareBounds;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #worker: Worker;
  readonly #ready: Promise<void>;
  /**
   * Resolves when the thread has loaded its modules, or is gone: on Node 20 the end of a loading thread ends the
   * process.
   */
  readonly #booted: Promise<void>;
  #kernelId: number | undefined;
  #settle: { resolve(answer: Answer): void; reject(error: HerdError): void } | undefined;
  #fail: (error: HerdError) => void = () => undefined;

  constructor(bounds: PrepareBounds, clock: Pick<Clock, "monotonic">) {
    this.#bounds = bounds;
    this.#clock = clock;
    processTypes ??= typeTable();
    const workerData: SharedTypes = { table: processTypes, most: bounds.types };
    this.#worker = new Worker(new URL("prepare-thread.js", import.meta.url), {
      workerData,
      // The thread gets no environment variables of the node.
      env: {},
      // Nor the options of its process: an option such as --input-type ends a thread that loads a file.
      execArgv: [],
      resourceLimits: {
        maxOldGenerationSizeMb: bounds.heapMegabytes,
        maxYoungGenerationSizeMb: Math.min(youngMegabytes, bounds.heapMegabytes),
      },
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#worker.on("message", (reply: PrepareReply) => this.#receive(reply, resolve));
    });
    this.#booted = new Promise((resolve) => {
      this.#worker.once("message", () => resolve()).once("exit", () => resolve());
    });
    // Callers receive the failure; without a caller it needs no handler.
    this.#ready.catch(() => undefined);
    // Only a request keeps the process alive.
    this.#worker.unref();
    this.#worker.on("error", (cause) => this.#lost(faultOf(cause, bounds)));
    this.#worker.on("exit", () => this.#lost(new HerdError("internal", "the thread that checks components ended")));
  }

  async request(request: PrepareRequest): Promise<Answer> {
    this.#worker.ref();
    const boot = setTimeout(() => {
      void this.end(
        new HerdError("node.unavailable", "the thread that checks components did not start", { retryAfterSeconds: 5 }),
      );
    }, bootMs);
    try {
      await this.#ready;
      clearTimeout(boot);
      return await this.#answer(request);
    } finally {
      clearTimeout(boot);
      // A thread that ends keeps the process alive until it is gone.
      if (!this.ended) this.#worker.unref();
    }
  }

  /** Ends the thread; a request in progress fails with `reason`. Resolves when the thread is gone. */
  async end(reason: HerdError): Promise<void> {
    this.#lost(reason);
    this.#worker.ref();
    const bound = new AbortController();
    await Promise.race([this.#booted, delay(bootedMs, undefined, { signal: bound.signal }).catch(() => undefined)]);
    bound.abort();
    await this.#worker.terminate();
  }

  async #answer(request: PrepareRequest): Promise<Answer> {
    const { cpuMs, wallMs } = this.#bounds;
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    if (this.ended) throw new HerdError("internal", "the thread that checks components ended");
    const startedAt = this.#clock.monotonic();
    const cpuBefore = threadCpuMs(this.#kernelId) ?? 0;
    const check = setInterval(() => {
      const spent = (threadCpuMs(this.#kernelId) ?? cpuBefore) - cpuBefore;
      if (spent > cpuMs) void this.end(tooCostly(`${cpuMs} ms of CPU time`));
      else if (this.#clock.monotonic() - startedAt > wallMs) void this.end(tooSlow(wallMs));
    }, checkMs);
    // A copy, to be transferred: small buffers share their memory with others.
    const copy = new Uint8Array(request.bytes);
    this.#worker.postMessage({ ...request, bytes: copy } satisfies PrepareRequest, [copy.buffer]);
    try {
      return await answer;
    } finally {
      clearInterval(check);
      this.#settle = undefined;
    }
  }

  #receive(reply: PrepareReply, ready: () => void): void {
    if (reply.kind === "ready") {
      this.#kernelId = reply.kernelId;
      ready();
    } else if (reply.kind === "refused") {
      this.#settle?.reject(HerdError.fromData(reply.error));
    } else if (reply.kind === "broken") {
      void this.end(
        new HerdError("internal", "the thread that checks components failed", { cause: new Error(reply.cause) }),
      );
    } else {
      this.#settle?.resolve(reply);
    }
  }

  #lost(reason: HerdError): void {
    this.ended = true;
    this.#fail(reason);
    this.#settle?.reject(reason);
  }
}

function faultOf(cause: unknown, { heapMegabytes }: PrepareBounds): HerdError {
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  if (code === "ERR_WORKER_OUT_OF_MEMORY") return tooCostly(`${heapMegabytes} MiB of memory`);
  return new HerdError("internal", "the thread that checks components failed", { cause });
}

function tooCostly(what: string): HerdError {
  return new HerdError("source.invalid", `to check the component takes more than ${what}`);
}

function tooSlow(wallMs: number): HerdError {
  return new HerdError("compile.timeout", `the component was not checked within ${wallMs} ms`, {
    retryAfterSeconds: 5,
  });
}

function draining(): HerdError {
  return new HerdError("node.draining", "the node is stopping", { retryAfterSeconds: 1 });
}
