// Processor time of a process by thread: steadier than wall time on a machine that others use too.
import { readdir, readFile } from "node:fs/promises";

/** Nanoseconds by thread id; empty where the kernel does not tell. */
export type ThreadTimes = ReadonlyMap<string, number>;

/** Processor time, in microseconds a call. */
export interface CpuPerCall {
  readonly main: number;
  /** The busiest of the other threads. */
  readonly worker: number;
  /** All others together. */
  readonly rest: number;
}

/** The times of all threads of a process so far, from /proc/PID/task/TID/schedstat. */
export async function threadTimes(pid: number): Promise<ThreadTimes> {
  const folder = `/proc/${pid}/task`;
  const ids = await readdir(folder).catch(() => []);
  const times = await Promise.all(
    ids.map(async (id) => {
      const text = await readFile(`${folder}/${id}/schedstat`, "utf8").catch(() => "0");
      return [id, Number(text.split(" ")[0])] as const;
    }),
  );
  return new Map(times);
}

/** What `calls` calls took between two looks at the threads of the process; NaN where the kernel does not tell. */
export function cpuPerCall(
  pid: number,
  { before, after, calls }: { readonly before: ThreadTimes; readonly after: ThreadTimes; readonly calls: number },
): CpuPerCall {
  if (after.size === 0) return { main: Number.NaN, worker: Number.NaN, rest: Number.NaN };
  const used = (id: string, time: number): number => (time - (before.get(id) ?? 0)) / 1_000 / calls;
  const main = used(String(pid), after.get(String(pid)) ?? 0);
  const [worker = 0, ...others] = [...after]
    .filter(([id]) => id !== String(pid))
    .map(([id, time]) => used(id, time))
    .sort((one, other) => other - one);
  return { main, worker, rest: others.reduce((sum, time) => sum + time, 0) };
}
