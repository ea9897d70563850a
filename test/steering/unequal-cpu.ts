// Shares of CPU for processes of a test, by what this machine permits: cgroups of either version as root, else stop and
// go.

import { existsSync } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { StopAndGo } from "./unequal-pulse.js";

/** Limits processes that the test started. */
export interface CpuShares {
  /** How it is done, for people. */
  readonly means: string;
  /** Whether a share holds while others use the machine, too. */
  readonly exact: boolean;
  /** From now on a process has that share of one core, all its threads together. */
  limit(pid: number, share: number): Promise<void>;
  /** No limits any more. */
  release(): Promise<void>;
}

/**
 * One quota's period: short, so that a node with a small share answers often and little. Linux allows a quota of 1 ms
 * and more.
 */
const periodUs = 20_000;

/**
 * What of this machine limits best; its limits end with the test. Register it before the processes, so that they may
 * end at full speed.
 */
export async function cpuShares(context: TestContext): Promise<CpuShares> {
  const groups = await Groups.open();
  const shares = groups ?? new StopAndGo();
  context.after(() => shares.release());
  // Callers that starve would leave the nodes without work.
  await groups?.favour(process.pid);
  context.diagnostic(`CPU is shared out by ${shares.means}`);
  return shares;
}

/** A hierarchy of control groups, as its version writes quotas. */
interface Hierarchy {
  readonly version: 1 | 2;
  /** This process's group. */
  readonly own: string;
}

/**
 * A control group for each process. https://docs.kernel.org/scheduler/sched-bwc.html and
 * https://docs.kernel.org/admin-guide/cgroup-v2.html.
 */
class Groups implements CpuShares {
  readonly exact = true;
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
    const known = this.#groups.get(pid);
    const group = known ?? (await this.#make(pid));
    await this.#setQuota(group, share);
    if (known === undefined) await writeFile(join(group, "cgroup.procs"), String(pid));
  }

  /** A process has as much as it asks for, others' work notwithstanding. */
  async favour(pid: number): Promise<void> {
    const group = await this.#make(pid);
    await this.#setWeight(group);
    await writeFile(join(group, "cgroup.procs"), String(pid));
  }

  async release(): Promise<void> {
    for (const group of this.#groups.values()) {
      // Children, too, that its process started since.
      for (const pid of (await readFile(join(group, "cgroup.procs"), "utf8")).split("\n").filter(Boolean)) {
        // One that ended is in no group.
        await writeFile(join(this.#hierarchy.own, "cgroup.procs"), pid).catch(() => undefined);
      }
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

  async #make(pid: number): Promise<string> {
    const group = join(this.#hierarchy.own, `herd-test-${process.pid}-${pid}`);
    await mkdir(group);
    this.#groups.set(pid, group);
    return group;
  }

  async #setQuota(group: string, share: number): Promise<void> {
    const quota = String(Math.max(1_000, Math.round(share * periodUs)));
    if (this.#hierarchy.version === 2) {
      await set(group, "cpu.max", `${quota} ${periodUs}`);
    } else {
      await set(group, "cpu.cfs_period_us", String(periodUs));
      await set(group, "cpu.cfs_quota_us", quota);
    }
    await this.#setWeight(group);
  }

  /** Ten times the usual one, so that other work of the machine takes little from a quota. */
  async #setWeight(group: string): Promise<void> {
    if (this.#hierarchy.version === 2) await set(group, "cpu.weight", "1000");
    else await set(group, "cpu.shares", "10240");
  }
}

/** Files of a group are there, or it limits nothing. */
function set(group: string, file: string, text: string): Promise<void> {
  return writeFile(join(group, file), text, { flag: "r+" });
}
