// The kernels in the sandbox that runs users' functions: their components, prepared, and the calls that measure it.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../core/clock.js";
import { randomHex } from "../core/ids.js";
import { packageRoot } from "../core/package-root.js";
import { type Kernel, kernels } from "./capacity.js";
import type { ReadyKernels } from "./idle-profiler.js";
import type { KernelCalls, KernelRun, KernelRunner } from "./kernel-runner.js";

/** What measuring needs of a sandbox; a `Program` is what the sandbox runs, a prepared component. */
export interface KernelSandbox<Program> {
  /** Prepares a component under limits of its own: the limits of users' functions must not bound the measurement. */
  prepare(component: Uint8Array, revision: string): Promise<Program>;
  /** Runs a kernel; rejects with the signal's reason, and with the sandbox's error. */
  run(call: {
    readonly prepared: Program;
    readonly function: "run";
    readonly arguments: { readonly format: "json"; readonly body: string };
    readonly id: string;
    /** Epoch ms. */
    readonly deadline: number;
    readonly signal?: AbortSignal;
  }): Promise<{ readonly runMs: number }>;
  /** Frees what a worker keeps of a revision. */
  forget(revision: string): void;
}

/** All kernels, ready to run. */
export interface PreparedKernels<Program> {
  readonly programs: { readonly [kernel in Kernel]: Program };
}

/** A call that hangs must not keep a worker for ever; a slow machine may take long. */
const callLimitMs = 60_000;

/** Where the build leaves the components. */
const builtFolder = (): URL => new URL("dist/kernels/", packageRoot());

/** Reads what the build made of `bench/kernels`, or what is in another folder; rejects when it is not there. */
export async function prepareKernels<Program>(
  sandbox: Pick<KernelSandbox<Program>, "prepare">,
  folder: URL = builtFolder(),
): Promise<PreparedKernels<Program>> {
  const entries: [string, Program][] = [];
  for (const kernel of kernels) {
    const component = await readFile(new URL(`${kernel}.wasm`, folder));
    entries.push([kernel, await sandbox.prepare(component, revisionOf(kernel))]);
  }
  return { programs: Object.fromEntries(entries) as { [kernel in Kernel]: Program } };
}

/** SHA-256 (hex) of the built kernels' components; rejects when they are not there. */
export async function kernelsDigest(folder: URL = builtFolder()): Promise<string> {
  const hash = createHash("sha256");
  for (const kernel of kernels) hash.update(await readFile(new URL(`${kernel}.wasm`, folder)));
  return hash.digest("hex");
}

/** The built kernels in a sandbox, for an `IdleProfiler`. */
export async function readyKernels<Program>(
  sandbox: KernelSandbox<Program>,
  { clock }: { readonly clock: Clock },
): Promise<ReadyKernels> {
  const prepared = await prepareKernels(sandbox);
  return {
    runner: (workers) => new KernelsInSandbox({ sandbox, kernels: prepared, workers, clock }),
    release: () => {
      for (const kernel of kernels) sandbox.forget(revisionOf(kernel));
    },
  };
}

/** Options of {@link KernelsInSandbox}. */
interface KernelsInSandboxOptions<Program> {
  readonly sandbox: Pick<KernelSandbox<Program>, "run">;
  readonly kernels: PreparedKernels<Program>;
  readonly workers: number;
  readonly clock: Clock;
}

/** A {@link KernelRunner} on the same sandbox that runs users' functions. */
export class KernelsInSandbox<Program> implements KernelRunner {
  readonly #options: KernelsInSandboxOptions<Program>;

  constructor(options: KernelsInSandboxOptions<Program>) {
    this.#options = options;
  }

  get workers(): number {
    return this.#options.workers;
  }

  async run(kernel: Kernel, { iterations, workers, signal }: KernelCalls): Promise<readonly KernelRun[]> {
    const { sandbox, kernels: all, clock } = this.#options;
    const call = {
      prepared: all.programs[kernel],
      function: "run",
      arguments: { format: "json", body: `[${iterations}]` },
      id: `kernel-${randomHex(8)}`,
      deadline: clock.now() + callLimitMs,
      ...(signal === undefined ? {} : { signal }),
    } as const;
    const began = clock.monotonic();
    const run = async (): Promise<KernelRun> => {
      const { runMs } = await sandbox.run(call);
      return { runMs, waitMs: clock.monotonic() - began - runMs };
    };
    return Promise.all(Array.from({ length: workers }, run));
  }
}

function revisionOf(kernel: Kernel): string {
  return `kernel-${kernel}`;
}
