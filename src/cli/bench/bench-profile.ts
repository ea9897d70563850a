// Measures and prints a full profile of this machine, in the command's own process: for herd bench and npm run bench.

import { prepare } from "../../../runtime/sandbox/prepare/prepare.js";
import type { PreparedRevision } from "../../../runtime/sandbox/prepared-revision.js";
import { Sandbox } from "../../../runtime/sandbox/sandbox.js";
import { kernels } from "../../capacity/capacity.js";
import type { Estimate } from "../../capacity/estimate.js";
import { fingerprintOf } from "../../capacity/fingerprint.js";
import { KernelsInSandbox, kernelsDigest, prepareKernels } from "../../capacity/kernel-calls.js";
import type { KernelProfile, Profile } from "../../capacity/profile.js";
import { measureProfile } from "../../capacity/profiler.js";
import { systemClock } from "../../core/clock.js";
import { loadConfig } from "../../core/config.js";
import { defaultLimits } from "../../core/limits.js";
import { UsageError } from "../../core/usage-error.js";
import type { BarPanel, Estimate as Charted } from "./chart.js";

/** What a run may take and use. */
export interface ProfileHereOptions {
  /** How long it may measure, in seconds; 15 unless given. */
  readonly seconds?: number | undefined;
  /** As many as a node has by itself unless given. */
  readonly workers?: number | undefined;
  readonly onProgress?: (progress: number) => void;
}

/** The method of a profile, for readers of its numbers. */
export const profileMethod =
  "Six kernels, compiled and run by the sandbox of users' functions, in turns: on one worker, and on all at once. " +
  "Each is warmed up until it gets no faster, and repeated until the 95 % interval of its median is narrower than " +
  "3 % or the time is over; what a call takes without work is subtracted. 1,000 units a second are one worker of " +
  "the reference machine; overall is the geometric mean.";

const defaultSeconds = 15;

/** Prepares a kernel as a node does. */
const prepareKernel = (component: Uint8Array, revision: string): Promise<PreparedRevision> =>
  prepare(component, { revision, limits: defaultLimits });

/** Measures on a sandbox of its own; no node is needed. Throws {@link UsageError} when the build left no kernels. */
export async function profileHere(options: ProfileHereOptions = {}): Promise<Profile> {
  const { seconds = defaultSeconds, onProgress } = options;
  const workers = options.workers ?? (await loadConfig()).workers;
  const prepared = await prepareKernels({ prepare: prepareKernel }).catch((cause: unknown) => {
    throw new UsageError("the kernels are not there: npm run build makes them", { cause });
  });
  const clock = systemClock;
  const sandbox = new Sandbox({
    workers,
    clock,
    limits: defaultLimits,
    nodeName: "bench",
  });
  await sandbox.start();
  try {
    const runner = new KernelsInSandbox({ sandbox, kernels: prepared, workers, clock });
    const fingerprint = fingerprintOf({ workers, kernelsDigest: await kernelsDigest() });
    return await measureProfile({
      runner,
      clock,
      fingerprint,
      onProgress,
      length: "full",
      budgetMs: seconds * 1_000,
    });
  } finally {
    await sandbox.stop();
  }
}

/** Each kernel and the whole, in the order in which they are shown. */
export function profileRows(profile: Profile): readonly (KernelProfile & { readonly name: string })[] {
  return [...kernels.map((name) => ({ name, ...profile.kernels[name] })), { name: "overall", ...profile.overall }];
}

/** The profile as a picture: a pair of bars for each kernel. */
export function profilePanel(profile: Profile): BarPanel {
  const rows = profileRows(profile);
  const { workers } = profile;
  return {
    kind: "bars",
    yLabel: "work units per second",
    categories: rows.map(({ name }) => name),
    series: [
      { name: "one worker", values: rows.map(({ one }) => charted(one)) },
      { name: workers === 1 ? "again" : `${workers} workers at once`, values: rows.map(({ all }) => charted(all)) },
    ],
  };
}

/** An estimate with the ends of its interval; without them when the samples were too few. */
export function charted({ unitsPerSecond: value, spread }: Estimate): Charted {
  return Number.isFinite(spread) ? { value, low: value * (1 - spread), high: value * (1 + spread) } : { value };
}
