// Guests for tests: a program of test/fixtures/guests, compiled, in a sandbox with real threads.
import { readFileSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import { Compiler } from "../../../runtime/compile/compiler.js";
import type { CallResult, RevisionCall } from "../../../runtime/sandbox/call.js";
import type { LogLevel } from "../../../runtime/sandbox/host-functions.js";
import type { CallEnd } from "../../../runtime/sandbox/pool/pending-call.js";
import type { PreparedRevision } from "../../../runtime/sandbox/prepared-revision.js";
import { Sandbox, type SandboxOptions } from "../../../runtime/sandbox/sandbox.js";
import { systemClock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import { defaultLimits, type Limits } from "../../../src/core/limits.js";
import { packageRoot } from "../../../src/core/package-root.js";
import { patientLimits } from "../compile/compiling.js";

/** Whether a thread is the one that looks at components, and none that runs calls: its heap is smaller. */
export function isPreparer({ resourceLimits }: Worker): boolean {
  return resourceLimits?.maxOldGenerationSizeMb === 256;
}

/** What a function logged. */
interface LoggedLine {
  readonly function: string;
  readonly level: LogLevel;
  readonly message: string;
}

/** A sandbox that keeps what its guests log. */
class LoggingSandbox extends Sandbox {
  readonly lines: LoggedLine[] = [];

  override begin(call: RevisionCall, end: CallEnd): void {
    const { function: name } = call;
    const line = (level: LogLevel, message: string) => this.lines.push({ function: name, level, message });
    super.begin({ log: { line }, ...call }, end);
  }
}

/** A sandbox with the log lines of its guests. */
export interface TestSandbox {
  readonly sandbox: Sandbox;
  readonly lines: LoggedLine[];
}

/** Starts a sandbox; stop it when the test is over. */
export async function startSandbox(
  options: Partial<SandboxOptions> & { limit?: Partial<Limits> } = {},
): Promise<TestSandbox> {
  const { limit, ...rest } = options;
  const sandbox = new LoggingSandbox({
    workers: 2,
    limits: { ...defaultLimits, ...limit },
    nodeName: "testing",
    clock: systemClock,
    ...rest,
  });
  await sandbox.start();
  return { sandbox, lines: sandbox.lines };
}

/** Components of the guest programs named, by name. */
export async function compileGuests<Name extends string>(...names: Name[]): Promise<Record<Name, Uint8Array>> {
  const compiler = new Compiler({ limits: patientLimits });
  try {
    const components: [string, Uint8Array][] = [];
    for (const name of names) {
      const text = readFileSync(new URL(`test/fixtures/guests/${name}.ts`, packageRoot()), "utf8");
      const { component } = await compiler.compile([{ path: "index.ts", text }]);
      components.push([name, component]);
    }
    return Object.fromEntries(components) as Record<Name, Uint8Array>;
  } finally {
    await compiler.stop();
  }
}

/** Calls functions of one prepared guest with values, and gives values back. */
export class Guest {
  readonly #sandbox: Sandbox;
  readonly prepared: PreparedRevision;

  constructor(sandbox: Sandbox, prepared: PreparedRevision) {
    this.#sandbox = sandbox;
    this.prepared = prepared;
  }

  /** The result of a call with `args` as JSON; undefined for void. */
  async call(name: string, args: unknown, options: Partial<RevisionCall> = {}): Promise<unknown> {
    const { json } = await this.raw(name, JSON.stringify(args), options);
    return json === null ? undefined : JSON.parse(typeof json === "string" ? json : Buffer.from(json).toString());
  }

  /** A call with a body as it is. */
  raw(name: string, body: string | Uint8Array, options: Partial<RevisionCall> = {}): Promise<CallResult> {
    return this.#sandbox.run({
      prepared: this.prepared,
      function: name,
      arguments: { format: "json", body },
      id: "test",
      deadline: Date.now() + 10_000,
      ...options,
    });
  }

  /** The HerdError of a call that must fail. */
  async failure(name: string, args: unknown, options: Partial<RevisionCall> = {}): Promise<HerdError> {
    return failureOf(this.raw(name, typeof args === "string" ? args : JSON.stringify(args), options));
  }
}

/** The HerdError with which `promise` rejects. */
export async function failureOf(promise: Promise<unknown>): Promise<HerdError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HerdError) return error;
    throw error;
  }
  throw new Error("nothing failed");
}
