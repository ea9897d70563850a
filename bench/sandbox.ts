// The cost of a call without the network: in process with its reset, and through the pool.
import { readFile } from "node:fs/promises";
import { Compiler } from "../runtime/compile/compiler.js";
import type { PreparedRevision } from "../runtime/sandbox/prepared-revision.js";
import { Sandbox } from "../runtime/sandbox/sandbox.js";
import { Engine } from "../runtime/sandbox/thread/engine.js";
import { Instance } from "../runtime/sandbox/thread/instance.js";
import type { Estimate } from "../src/cli/bench/chart.js";
import { systemClock } from "../src/core/clock.js";
import { defaultLimits } from "../src/core/limits.js";
import { packageRoot } from "../src/core/package-root.js";
import { repeat } from "./rounds.js";
import { estimateOf, percentile } from "./statistics.js";

const rounds = 5;
const body = "[19,23]";

/**
 * Medians over the rounds. In process: microseconds of a call and its reset, and of its parts; through the pool: as
 * named.
 */
export interface SandboxReport {
  readonly prepareMs: Estimate;
  readonly inProcessUs: { readonly [part in "callAndReset" | "reset" | "freshInstance"]: Estimate };
  readonly pool: { readonly sequentialP50Us: Estimate; readonly callsPerSecondAt32: Estimate };
}

/** Measures on an otherwise idle machine; takes some ten seconds. */
export async function measureSandbox(): Promise<SandboxReport> {
  const component = await compileBench();
  const sandbox = new Sandbox({
    workers: 2,
    limits: defaultLimits,
    nodeName: "bench",
    clock: systemClock,
  });
  await sandbox.start();
  try {
    const prepared = await sandbox.prepare(component, "bench");
    const prepareTimes: number[] = [];
    for (let index = 0; index < 20; index++) {
      const started = performance.now();
      await sandbox.prepare(component, `bench-${index}`);
      prepareTimes.push(performance.now() - started);
    }
    return {
      prepareMs: estimateOf(prepareTimes),
      inProcessUs: inProcess(prepared),
      pool: {
        sequentialP50Us: estimateOf(await repeat(rounds, () => sequential(sandbox, prepared))),
        callsPerSecondAt32: estimateOf(await repeat(rounds, () => together(sandbox, { prepared, inFlight: 32 }))),
      },
    };
  } finally {
    await sandbox.stop();
  }
}

async function compileBench(): Promise<Uint8Array> {
  const compiler = new Compiler({ limits: defaultLimits });
  try {
    const text = await readFile(new URL("bench/functions/bench.ts", packageRoot()), "utf8");
    return (await compiler.compile([{ path: "index.ts", text }])).component;
  } finally {
    await compiler.stop();
  }
}

function inProcess(prepared: PreparedRevision): SandboxReport["inProcessUs"] {
  const host = {
    nodeName: "bench",
    now: () => 0,
    monotonicNs: () => 0n,
    fillRandom: () => undefined,
    log: () => undefined,
    logUnits: () => 0,
  };
  const engine = new Engine({ limits: defaultLimits, host });
  engine.load({ id: 0, prepared });
  const call = { revision: 0, functionIndex: 0, format: "json", body } as const;
  const sink = (): void => undefined;
  const count = 200_000;
  const callAndReset: number[] = [];
  const reset: number[] = [];
  const freshInstance: number[] = [];
  for (let round = 0; round < rounds; round++) {
    callAndReset.push(
      perCallUs(count, () => {
        engine.run(call, sink);
        engine.tidy();
      }),
    );
    const instance = new Instance(prepared, host);
    reset.push(
      perCallUs(count, () => {
        instance.core("add");
        instance.reset();
      }),
    );
    freshInstance.push(perCallUs(500, () => void new Instance(prepared, host)));
  }
  return {
    callAndReset: estimateOf(callAndReset),
    reset: estimateOf(reset),
    freshInstance: estimateOf(freshInstance),
  };
}

function perCallUs(count: number, run: () => void): number {
  const started = performance.now();
  for (let index = 0; index < count; index++) run();
  return ((performance.now() - started) / count) * 1_000;
}

function call(sandbox: Sandbox, prepared: PreparedRevision): Promise<unknown> {
  return sandbox.run({
    prepared,
    function: "add",
    arguments: { format: "json", body },
    id: "bench",
    deadline: Date.now() + 5_000,
  });
}

async function sequential(sandbox: Sandbox, prepared: PreparedRevision): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < 2_000; index++) {
    const started = performance.now();
    await call(sandbox, prepared);
    times.push((performance.now() - started) * 1_000);
  }
  return percentile(times, 0.5);
}

async function together(
  sandbox: Sandbox,
  { prepared, inFlight }: { prepared: PreparedRevision; inFlight: number },
): Promise<number> {
  const count = 50_000;
  let left = count;
  const started = performance.now();
  const chain = async (): Promise<void> => {
    while (left-- > 0) await call(sandbox, prepared);
  };
  await Promise.all(Array.from({ length: inFlight }, chain));
  return (count / (performance.now() - started)) * 1_000;
}
