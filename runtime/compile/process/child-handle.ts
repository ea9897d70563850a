// One compiler process, from its start to its end, and the cause of that end.
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { HerdError } from "../../../src/core/errors.js";
import { type CompileReply, type CompileRequest, cpuLimitNotice, memoryLimitNotice } from "../messages.js";

const stderrTailLength = 2_000;
const retryAfterSeconds = 10;
/**
 * Signals from outside: the system is short of memory, or an operator ends processes. A crash of the compiler has
 * others.
 */
const outsideSignals: ReadonlySet<string> = new Set(["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"]);

type Answer = Exclude<CompileReply, { kind: "ready" }>;

/**
 * An end that allows no conclusion about the source: something outside ended the process, or it ran out of memory and
 * had compiled other sources before.
 */
export class DoubtfulEnd extends HerdError {}

/** Starts with its construction. Between requests it keeps no node alive. */
export class CompilerProcess {
  /** True once the process ended or is about to: it takes no more requests. */
  ended = false;
  /** Requests that it replied to. */
  compilations = 0;
  readonly #child: ChildProcess;
  readonly #exit: Promise<void>;
  readonly #ready: Promise<void>;
  #hasStarted = false;
  #stderr = "";
  #signal: string | null = null;
  #settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

  constructor(memoryBytes: number) {
    const { SystemRoot } = process.env;
    this.#child = fork(fileURLToPath(new URL("child-main.js", import.meta.url)), [String(memoryBytes)], {
      serialization: "advanced",
      execArgv: [`--max-old-space-size=${Math.floor(memoryBytes / 1024 / 1024)}`],
      // The process gets no environment variables of the node, except one without which Windows cannot start it.
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
      this.#child.once("exit", (_code, signal) => {
        this.#signal = signal;
      });
      // More than one error may come: of the start, of a message that can no longer be sent, of the signal that ends
      // the process.
      this.#child.once("close", end).on("error", end);
    });
    this.#ready = new Promise((resolve) => {
      this.#child.on("message", (reply: CompileReply) => {
        if (reply.kind === "ready") return resolve();
        this.compilations++;
        this.#settle?.resolve(reply);
      });
    });
    // An idle compiler keeps no node alive; a caller's wait does, by its timer.
    this.#child.unref();
    this.#child.channel?.unref();
    this.#stderrSocket?.unref();
  }

  /** Its process id. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Compiles. Rejects with `source.invalid` when the process ended itself over a limit or crashed, with
   * `compile.timeout` when it did not start, or not reply, within `timeoutMs` each, and with {@link DoubtfulEnd}.
   */
  async compile(request: CompileRequest, timeoutMs: number): Promise<Answer> {
    await this.#within(this.#ready, timeoutMs);
    this.#hasStarted = true;
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#settle = { resolve, reject };
      if (this.ended) reject(this.#fault());
      else this.#child.send(request);
    });
    return this.#within(answer, timeoutMs);
  }

  /** Ends the process at once; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#child.ref();
    this.#stderrSocket?.ref();
    this.#end();
    await this.#exit;
  }

  get #stderrSocket(): Socket | undefined {
    return (this.#child.stderr ?? undefined) as Socket | undefined;
  }

  #end(): void {
    this.ended = true;
    this.#child.kill("SIGKILL");
  }

  /**
   * Awaits `work`, unless the process ends first or `timeoutMs` pass, which ends it. The process stays referenced
   * meanwhile.
   */
  async #within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let judging: NodeJS.Immediate | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // If this node's process was suspended, the reply may have arrived meanwhile: it is read before the timeout
        // counts.
        judging = setImmediate(() => {
          judging = setImmediate(() => {
            reject(slow(timeoutMs));
            this.#end();
          });
        });
      }, timeoutMs);
    });
    const ended = this.#exit.then(() => {
      throw this.#fault();
    });
    try {
      return await Promise.race([work, timeout, ended]);
    } finally {
      clearTimeout(timer);
      clearImmediate(judging);
    }
  }

  #fault(): HerdError {
    const cause = new Error(this.#stderr.slice(-500));
    const says = (notice: string): boolean => this.#stderr.includes(notice);
    if (this.#hasStarted && says(cpuLimitNotice)) {
      return new HerdError("source.invalid", "the compilation used up its processor time", { cause });
    }
    if (this.#hasStarted && (says(memoryLimitNotice) || says("heap out of memory"))) {
      const Kind = this.compilations > 0 ? DoubtfulEnd : HerdError;
      return new Kind("source.invalid", "the compilation ran out of memory", { cause });
    }
    if (this.#signal !== null && outsideSignals.has(this.#signal)) {
      const detail = `something outside of the node ended the compiler (${this.#signal})`;
      return new DoubtfulEnd("compile.timeout", detail, { retryAfterSeconds });
    }
    if (!this.#hasStarted) return new HerdError("internal", "the compiler did not start", { cause });
    return new HerdError("source.invalid", "the compiler crashed on this source", { cause });
  }
}

function slow(timeoutMs: number): HerdError {
  const seconds = Math.round(timeoutMs / 1_000);
  const detail = `the machine was too slow: the compiler did not answer within ${seconds} s. The source may be fine`;
  return new HerdError("compile.timeout", detail, { retryAfterSeconds });
}
