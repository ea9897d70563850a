// Kernels in a sandbox: their components, prepared, and the calls that measure it.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { prepare } from "../../runtime/sandbox/prepare/prepare.js";
import type { PreparedRevision } from "../../runtime/sandbox/prepared-revision.js";
import type { Sandbox } from "../../runtime/sandbox/sandbox.js";
import { type Kernel, kernels } from "../capacity/capacity.js";
import type { KernelCalls, KernelRun, KernelRunner } from "../capacity/kernel-runner.js";
import type { Clock } from "../core/clock.js";
import { randomHex } from "../core/ids.js";
import { defaultLimits } from "../core/limits.js";
import { packageRoot } from "../core/package-root.js";

/** All kernels, ready to run; `digest` is of their components. */
export interface PreparedKernels {
  readonly digest: string;
  readonly prepared: { readonly [kernel in Kernel]: PreparedRevision };
}

/** A call that hangs must not keep a worker for ever; a slow machine may take long. */
const callLimitMs = 60_000;

/** Where the build leaves the components. */
const builtFolder = (): URL => new URL("dist/kernels/", packageRoot());

/** Reads what the build made of `bench/kernels`, or what is in another folder; rejects when it is not there. */
export async function prepareKernels(folder: URL = builtFolder()): Promise<PreparedKernels> {
  const hash = createHash("sha256");
  const entries: [string, PreparedRevision][] = [];
  for (const kernel of kernels) {
    const component = await readFile(new URL(`${kernel}.wasm`, folder));
    hash.update(component);
    // Of their own limits: what users' functions may take here says nothing of the machine.
    entries.push([kernel, await prepare(component, { revision: `kernel-${kernel}`, limits: defaultLimits })]);
  }
  return { digest: hash.digest("hex"), prepared: Object.fromEntries(entries) as PreparedKernels["prepared"] };
}

/** Options of {@link KernelsInSandbox}. */
export interface KernelsInSandboxOptions {
  readonly sandbox: Pick<Sandbox, "run">;
  readonly kernels: PreparedKernels;
  readonly workers: number;
  readonly clock: Clock;
}

/** A {@link KernelRunner} on the same sandbox that runs users' functions. */
export class KernelsInSandbox implements KernelRunner {
  readonly #options: KernelsInSandboxOptions;

  constructor(options: KernelsInSandboxOptions) {
    this.#options = options;
  }

  get workers(): number {
    return this.#options.workers;
  }

  async run(kernel: Kernel, { iterations, workers, signal }: KernelCalls): Promise<readonly KernelRun[]> {
    const { sandbox, kernels: all, clock } = this.#options;
    const call = {
      prepared: all.prepared[kernel],
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
