// The node's side of compilation: one disposable process, kept warm, replaced after any fault, gone when idle.
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { HerdError } from "../../src/core/errors.js";
import type { Limits } from "../../src/core/limits.js";
import type { Compilation } from "./compile.js";
import { type CompileReply, type CompileRequest, memoryLimitNotice } from "./messages.js";
import { readSources, type SourceFile } from "./sources.js";

/** What a {@link Compiler} needs. */
export interface CompilerOptions {
  readonly limits: Limits;
  /** Idle time after which the process (some 250 MB) ends; the next compilation starts a new one. Default 60 s. */
  readonly idleMs?: number;
}

const bootTimeoutMs = 30_000;
const stderrTailLength = 2_000;

/** Compiles uploads in a process of its own, one at a time, in the order they came. */
export class Compiler {
  readonly #limits: Limits;
  readonly #idleMs: number;
  #process: CompilerProcess | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor({ limits, idleMs = 60_000 }: CompilerOptions) {
    this.#limits = limits;
    this.#idleMs = idleMs;
  }

  /**
   * Compiles `files`; an abort takes effect while the upload still waits for its turn.
   * @throws {HerdError} `source.invalid` or `type.unsupported` with diagnostics; `source.invalid` too when the compiler ran out of time or memory, or crashed.
   */
  compile(files: readonly SourceFile[], options: { signal?: AbortSignal } = {}): Promise<Compilation> {
    const run = async (): Promise<Compilation> => {
      options.signal?.throwIfAborted();
      return this.#compile(readSources(files, this.#limits));
    };
    const result = this.#tail.then(run, run);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Ends the process; a running compilation fails. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#idle);
    await this.#process?.stop();
    await this.#tail;
  }

  async #compile(request: CompileRequest): Promise<Compilation> {
    if (this.#stopped) throw draining();
    clearTimeout(this.#idle);
    this.#process ??= new CompilerProcess(this.#limits.compileMemoryBytes);
    const running = this.#process;
    try {
      const reply = await running.ask(request, this.#limits.compileTimeoutMs);
      // What one source leaves behind must not count against the next.
      if (reply.residentBytes > this.#limits.compileMemoryBytes / 2) await this.#replace(running);
      if (reply.kind === "failed") throw HerdError.fromData(reply.error);
      return { component: reply.component, interface: reply.interface };
    } catch (error) {
      throw this.#stopped ? draining() : error;
    } finally {
      if (running.ended) await this.#replace(running);
      this.#idle = setTimeout(() => void this.#release(), this.#idleMs).unref();
    }
  }

  /** Ends `old`, and has another one ready unless there is one already. */
  async #replace(old: CompilerProcess): Promise<void> {
    await old.stop();
    if (this.#process !== old) return;
    this.#process = this.#stopped ? undefined : new CompilerProcess(this.#limits.compileMemoryBytes);
  }

  async #release(): Promise<void> {
    const idle = this.#process;
    this.#process = undefined;
    await idle?.stop();
  }
}

type Answer = Exclude<CompileReply, { kind: "ready" }>;

/** One compiler process, from its start to its end. */
class CompilerProcess {
  /** True once it ended or was told to: it takes no more requests. */
  ended = false;
  readonly #child: ChildProcess;
  readonly #exit: Promise<void>;
  readonly #ready: Promise<void>;
  #hasStarted = false;
  #stderr = "";
  #settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

  constructor(memoryBytes: number) {
    const { SystemRoot } = process.env;
    this.#child = fork(fileURLToPath(new URL("process.js", import.meta.url)), [String(memoryBytes)], {
      serialization: "advanced",
      execArgv: [`--max-old-space-size=${Math.floor(memoryBytes / 1024 / 1024)}`],
      // Nothing of the node's environment; Windows cannot start a process without this one.
      env: SystemRoot === undefined ? {} : { SystemRoot },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrTailLength);
    });
    this.#child.stderr?.on("error", () => undefined);
    this.#exit = new Promise((resolve) => {
      const end = (): void => {
        this.ended = true;
        this.#settle?.reject(this.#fault());
        resolve();
      };
      // More than one error may come: of the start, of a message that no longer goes out, of the signal that ends it.
      this.#child.once("close", end).on("error", end);
    });
    this.#ready = new Promise((resolve) => {
      this.#child.on("message", (reply: CompileReply) => {
        if (reply.kind === "ready") resolve();
        else this.#settle?.resolve(reply);
      });
    });
    // An idle compiler keeps no node alive; a wait for it does, by its timer.
    this.#child.unref();
    this.#child.channel?.unref();
    this.#stderrSocket?.unref();
  }

  async ask(request: CompileRequest, timeoutMs: number): Promise<Answer> {
    await this.#within(this.#ready, bootTimeoutMs, new HerdError("internal", "the compiler did not start"));
    this.#hasStarted = true;
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#settle = { resolve, reject };
      if (this.ended) reject(this.#fault());
      else this.#child.send(request);
    });
    const late = new HerdError("source.invalid", `the compilation took longer than ${timeoutMs} ms`);
    return this.#within(answer, timeoutMs, late);
  }

  async stop(): Promise<void> {
    this.#child.ref();
    this.#stderrSocket?.ref();
    this.#child.kill("SIGKILL");
    await this.#exit;
  }

  get #stderrSocket(): Socket | undefined {
    return (this.#child.stderr ?? undefined) as Socket | undefined;
  }

  /** `work`, unless the process ends first or `timeoutMs` pass, which ends it. The process stays referenced meanwhile. */
  async #within<T>(work: Promise<T>, timeoutMs: number, reason: HerdError): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(reason);
        this.ended = true;
        this.#child.kill("SIGKILL");
      }, timeoutMs);
    });
    const ended = this.#exit.then(() => {
      throw this.#fault();
    });
    try {
      return await Promise.race([work, timeout, ended]);
    } finally {
      clearTimeout(timer);
    }
  }

  #fault(): HerdError {
    const cause = new Error(this.#stderr.slice(-500));
    if (!this.#hasStarted) return new HerdError("internal", "the compiler did not start", { cause });
    const swelled = this.#stderr.includes(memoryLimitNotice) || this.#stderr.includes("heap out of memory");
    const reason = swelled ? "the compilation ran out of memory" : "the compiler crashed on this source";
    return new HerdError("source.invalid", reason, { cause });
  }
}

function draining(): HerdError {
  return new HerdError("node.draining", "the node is stopping", { retryAfterSeconds: 5 });
}
