// The cores that a thread may use, as Linux reports them, and their split between the main thread and threads of the
// idle class.
import { readFileSync } from "node:fs";

/** Cores by number. `main` and `guests` have none in common. */
export interface CoreSplit {
  readonly all: readonly number[];
  readonly main: readonly number[];
  readonly guests: readonly number[];
}

/** More cores than any machine has. */
const maxCores = 8_192;

/** A quarter of the cores for the main thread, which needs one at a time; undefined when there is only one core. */
export function splitCores(all: readonly number[]): CoreSplit | undefined {
  if (all.length < 2) return undefined;
  const count = Math.ceil(all.length / 4);
  return { all, main: all.slice(0, count), guests: all.slice(count) };
}

/** The cores that the calling thread may use, from `Cpus_allowed_list` of proc(5); none where that is not available. */
export function allowedCores(): number[] {
  if (process.platform !== "linux") return [];
  try {
    return parseCores(
      /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/thread-self/status", "utf8"))?.[1] ?? "",
    );
  } catch {
    return [];
  }
}

/** Parses a list as the kernel writes it, `0-3,8`; none when the text is malformed. */
export function parseCores(list: string): number[] {
  const cores: number[] = [];
  for (const range of list.split(",")) {
    const [first, last = first] = range.split("-").map((part) => (/^\d{1,4}$/.test(part) ? Number(part) : Number.NaN));
    if (first === undefined || last === undefined || !(first <= last) || last >= maxCores) return [];
    for (let core = first; core <= last; core++) cores.push(core);
  }
  return cores;
}
