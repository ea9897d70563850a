// A compiler and a sandbox that behave like the real ones as far as the server can tell, without Wasm.

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { AppInterface } from "../../../runtime/interface/model.js";
import { appendInterface } from "../../../runtime/interface/section.js";
import type { CallableRevision } from "../../../runtime/sandbox/prepared-revision.js";
import { HerdError } from "../../../src/core/errors.js";
import type { SourceFile } from "../../../src/core/source-file.js";
import type { Compiler, Preparer } from "../../../src/deploy/ports.js";
import { type InvocationEnd, type InvocationResult, type Runner, settle } from "../../../src/invoke/invoker.js";

/** Every function of a fake app takes anything; what it does is in its name. */
const functionNames = ["echo", "nothing", "slow", "trap", "overloaded", "broken", "memory", "deadline", "late", "huge"];

/** "Compiles" any text: `SYNTAX` in it is an error, and different texts are different revisions. */
export class FakeCompiler implements Compiler {
  /** Sources that were compiled. */
  readonly compiled: (readonly SourceFile[])[] = [];
  /** What a compilation waits for. */
  gate: Promise<void> = Promise.resolve();

  async compile(files: readonly SourceFile[]): Promise<{ component: Uint8Array; interface: AppInterface }> {
    this.compiled.push(files);
    await this.gate;
    const text = files.map((file) => file.text).join("\n");
    if (text.includes("SYNTAX")) {
      const diagnostics = [{ file: "index.ts", line: 1, column: 3, message: "unexpected SYNTAX", source: text }];
      throw new HerdError("source.invalid", "1 error", { diagnostics });
    }
    const app: AppInterface = {
      version: 1,
      functions: functionNames.map((name) => ({ name, wit: name, parameters: [], result: { kind: "string" } })),
      records: [],
      enums: [],
    };
    const digest = createHash("sha256").update(text).digest();
    return {
      component: appendInterface(Buffer.concat([Buffer.from("\0asm\r\0\u0001\0"), custom(digest)]), app),
      interface: app,
    };
  }
}

type RunnerCall = Parameters<Runner["begin"]>[0];

/** Runs fake functions. */
export class FakeSandbox implements Runner, Preparer {
  readonly #interfaces = new Map<string, AppInterface>();
  /** Invocations whose signal aborted. */
  readonly cancelled: string[] = [];
  /** Ends every call of `slow`. */
  release: () => void = () => undefined;
  readonly #released = new Promise<void>((resolve) => {
    this.release = resolve;
  });

  async prepare(component: Uint8Array, revision: string): Promise<CallableRevision> {
    const app = await this.inspect(component);
    this.#interfaces.set(revision, app);
    return { revision, interface: app };
  }

  async checkSource(): Promise<void> {}

  async inspect(component: Uint8Array): Promise<AppInterface> {
    const { readInterface } = await import("../../../runtime/interface/section.js");
    return readInterface(component);
  }

  begin(call: RunnerCall, end: InvocationEnd): void {
    settle(this.#run(call), end);
  }

  async #run(call: RunnerCall): Promise<InvocationResult> {
    const json = Buffer.from(call.arguments.body).toString();
    switch (call.function) {
      case "nothing":
        return { json: null, queueMs: 0.01, runMs: 0.02, serviceMs: 0.02 };
      case "slow":
        return this.#slow(call);
      case "trap":
        throw new HerdError("function.trapped", "no luck", { where: "index.ts:3:1" });
      case "overloaded":
        throw new HerdError("node.overloaded", "1024 calls wait", { retryAfterSeconds: 1 });
      case "memory":
        throw new HerdError("function.out-of-memory", "64 MiB");
      case "late":
        throw new HerdError("function.deadline", "late did not end within its deadline");
      case "huge":
        throw new HerdError("function.result-too-large", "6 MiB");
      case "broken":
        throw new TypeError("secret of the host");
      case "deadline":
        return { json: String(call.deadline), queueMs: 0, runMs: 0, serviceMs: 0 };
      default:
        return { json: JSON.stringify({ [call.arguments.format]: json }), queueMs: 0.012_345, runMs: 1, serviceMs: 1 };
    }
  }

  /** Ends when it is released, or when a look at the signal says that nobody waits. */
  async #slow({ signal, id }: RunnerCall): Promise<InvocationResult> {
    const looking = new AbortController();
    const cancelled = (async () => {
      while (!looking.signal.aborted && signal?.aborted !== true) await sleep(5);
    })();
    await Promise.race([this.#released, cancelled]);
    looking.abort();
    if (signal?.aborted) this.cancelled.push(id);
    signal?.throwIfAborted();
    return { json: '"slow"', queueMs: 0, runMs: 0, serviceMs: 0 };
  }
}

function custom(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, content.length + 2, 1, 0x78]), content]);
}
