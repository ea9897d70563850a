// The CPU use of other programs, from proc(5): what the machine spent, less what this process and its children spent.

import { join } from "node:path";
import { readStart } from "./kernel-file.js";

/** Clock ticks since the machine started, summed over all cores. */
interface Ticks {
  readonly busy: number;
  readonly all: number;
  readonly own: number;
}

/** The most running children that are counted. The ticks of an ended child are in the counters of its parent. */
const maxChildren = 16;

/** The CPU use between two samples. */
export class CpuUse {
  readonly #proc: string;
  readonly #pid: number;
  #before: Ticks | undefined;

  /** `proc` is where procfs is. */
  constructor(proc: string, pid: number = process.pid) {
    this.#proc = proc;
    this.#pid = pid;
  }

  /**
   * The share of all cores, 0 to 1, that other programs used since the last sample. Undefined at the first sample, and
   * where the files hold nothing readable.
   */
  async foreign(): Promise<number | undefined> {
    const now = await this.#ticks();
    const before = this.#before;
    this.#before = now;
    if (now === undefined || before === undefined) return undefined;
    const all = now.all - before.all;
    const foreign = now.busy - before.busy - Math.max(0, now.own - before.own);
    return all > 0 ? Math.min(1, Math.max(0, foreign / all)) : undefined;
  }

  async #ticks(): Promise<Ticks | undefined> {
    const [machine, own] = await Promise.all([readStart(join(this.#proc, "stat"), 512), this.#own()]);
    const line = /^cpu +([0-9 ]+)/.exec(machine ?? "");
    if (line === null || own === undefined) return undefined;
    // user nice system idle iowait irq softirq steal; guests of virtual machines are part of user and nice.
    const ticks = (line[1] ?? "").trim().split(/ +/, 8).map(Number);
    const all = ticks.reduce((sum, count) => sum + count, 0);
    const [idle = 0, iowait = 0, steal = 0] = [ticks[3], ticks[4], ticks[7]];
    return { all, own, busy: all - idle - iowait - steal };
  }

  async #own(): Promise<number | undefined> {
    const own = await this.#of("self");
    if (own === undefined) return undefined;
    const children = await readStart(join(this.#proc, "self", "task", String(this.#pid), "children"));
    const pids = (children ?? "").split(" ").filter((pid) => /^[0-9]{1,10}$/.test(pid));
    const used = await Promise.all(pids.slice(0, maxChildren).map((pid) => this.#of(pid)));
    return used.reduce<number>((sum, ticks) => sum + (ticks ?? 0), own);
  }

  /** utime + stime + cutime + cstime: fields 14 to 17, counted behind the name, which may hold any character. */
  async #of(pid: string): Promise<number | undefined> {
    const text = await readStart(join(this.#proc, pid, "stat"), 1_024);
    if (text === undefined) return undefined;
    const fields = text
      .slice(text.lastIndexOf(")") + 1)
      .trim()
      .split(" ")
      .slice(11, 15)
      .map(Number);
    return fields.length === 4 && fields.every(Number.isSafeInteger)
      ? fields.reduce((sum, ticks) => sum + ticks, 0)
      : undefined;
  }
}
