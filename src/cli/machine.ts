// What the numbers of a benchmark were measured on.

import { availableParallelism, cpus, totalmem } from "node:os";

/** A machine, without anything that names it. */
export type Machine = Readonly<
  Record<"platform" | "node" | "cpu", string> & Record<"cores" | "memoryGibibytes", number>
>;

/** This machine. */
export function machine(): Machine {
  return {
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGibibytes: Math.round(totalmem() / 2 ** 30),
  };
}
