// The fingerprint of all that a profile depends on: machine, quota, engine, workers and kernels.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, getPriority, totalmem } from "node:os";

/** 32 hex digits that change with anything that a profile depends on, after which the profile is void. */
export function fingerprintOf({ workers, kernelsDigest }: { workers: number; kernelsDigest: string }): string {
  const parts = [
    process.platform,
    process.arch,
    process.version,
    cpus()[0]?.model ?? "unknown",
    availableParallelism(),
    coresOfQuota() ?? "all",
    priority(),
    Math.round(totalmem() / 2 ** 30),
    workers,
    kernelsDigest,
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

function priority(): number {
  try {
    return getPriority();
  } catch {
    return 0;
  }
}

/**
 * Cores that the control groups of this process leave it (cgroup v2, `cpu.max`: quota and period in microseconds), the
 * least of all groups that the process is in. Undefined where no group bounds it, and on systems other than Linux.
 * `root` is for tests.
 */
export function coresOfQuota(root = "/"): number | undefined {
  const line = read(`${root}proc/self/cgroup`)?.match(/^0::(\/.*)$/m)?.[1];
  if (line === undefined) return undefined;
  let least: number | undefined;
  const names = line.split("/").filter((name) => name !== "" && name !== "..");
  for (let depth = names.length; depth >= 0; depth--) {
    const folder = names.slice(0, depth).map((name) => `${name}/`);
    const [quota, period] = (read(`${root}sys/fs/cgroup/${folder.join("")}cpu.max`) ?? "")
      .trim()
      .split(" ")
      .map(Number);
    const cores = (quota ?? Number.NaN) / (period ?? Number.NaN);
    if (cores > 0 && (least === undefined || cores < least)) least = cores;
  }
  return least;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
