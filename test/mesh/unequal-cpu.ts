// Shares of CPU for processes of a test, by what this machine permits: cgroups of either version as root, else stop and go.

import { existsSync } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { StopAndGo } from "./unequal-pulse.js";

/** Limits processes that the test started. */
export interface CpuShares {
  /** How it is done, for people. */
  readonly means: string;
  /** From now on a process has that share of one core, all its threads together. */
  limit(pid: number, share: number): Promise<void>;
  /** No limits any more. */
  release(): Promise<void>;
}

/** One quota's period: short, so that a node with a small share answers often and little. Linux allows a quota of 1 ms and more. */
const periodUs = 20_000;

/** What of this machine limits best; its limits end with the test. Register it before the processes, so that they may end at full speed. */
export async function cpuShares(context: TestContext): Promise<CpuShares> {
  const shares = (await Groups.open()) ?? new StopAndGo();
  context.after(() => shares.release());
  context.diagnostic(`CPU is shared out by ${shares.means}`);
  return shares;
}

/** A hierarchy of control groups, as its version writes quotas. */
interface Hierarchy {
  readonly version: 1 | 2;
  /** This process's group. */
  readonly own: string;
}

/** A control group for each process. https://docs.kernel.org/scheduler/sched-bwc.html and https://docs.kernel.org/admin-guide/cgroup-v2.html. */
class Groups implements CpuShares {
  readonly #hierarchy: Hierarchy;
  readonly #groups = new Map<number, string>();

  private constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
  }

  /** Undefined where this process may not make groups, or they limit nothing. */
  static async open(): Promise<Groups | undefined> {
    if (process.env.HERD_TEST_NO_CGROUPS !== undefined || !existsSync("/proc/self/cgroup")) return undefined;
    const lines = (await readFile("/proc/self/cgroup", "utf8")).split("\n").map((line) => line.split(":"));
    const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" "));
    for (const [, folder = "", type, options = ""] of mounts) {
      if (type !== "cgroup2" && !(type === "cgroup" && options.split(",").includes("cpu"))) continue;
      const version = type === "cgroup2" ? 2 : 1;
      const mine = lines.find(([, of = ""]) => (version === 2 ? of === "" : of.split(",").includes("cpu")));
      const groups = new Groups({ version, own: join(folder, mine?.[2] ?? "/") });
      if (await groups.#works()) return groups;
    }
    return undefined;
  }

  get means(): string {
    return `quotas of control groups, version ${this.#hierarchy.version}`;
  }

  async limit(pid: number, share: number): Promise<void> {
    let group = this.#groups.get(pid);
    if (group === undefined) {
      group = join(this.#hierarchy.own, `herd-test-${process.pid}-${pid}`);
      await mkdir(group);
      this.#groups.set(pid, group);
      await this.#setQuota(group, share);
      await writeFile(join(group, "cgroup.procs"), String(pid));
    } else {
      await this.#setQuota(group, share);
    }
  }

  async release(): Promise<void> {
    for (const [pid, group] of this.#groups) {
      // A process that ended is in no group.
      await writeFile(join(this.#hierarchy.own, "cgroup.procs"), String(pid)).catch(() => undefined);
      // Children that it started since are; they go with it.
      await rmdir(group).catch(() => undefined);
    }
    this.#groups.clear();
  }

  async #works(): Promise<boolean> {
    const group = join(this.#hierarchy.own, `herd-test-${process.pid}`);
    try {
      await mkdir(group);
    } catch {
      return false;
    }
    try {
      await this.#setQuota(group, 0.5);
      return true;
    } catch {
      return false;
    } finally {
      await rmdir(group);
    }
  }

  /** The weight is high, so that other work of the machine takes less from a quota. */
  async #setQuota(group: string, share: number): Promise<void> {
    const quota = String(Math.max(1_000, Math.round(share * periodUs)));
    const files: [string, string][] =
      this.#hierarchy.version === 2
        ? [
            ["cpu.max", `${quota} ${periodUs}`],
            ["cpu.weight", "1000"],
          ]
        : [
            ["cpu.cfs_period_us", String(periodUs)],
            ["cpu.cfs_quota_us", quota],
            ["cpu.shares", "10240"],
          ];
    for (const [file, text] of files) await writeFile(join(group, file), text, { flag: "r+" });
  }
}
