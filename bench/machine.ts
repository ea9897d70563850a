// What the numbers were measured on.
import { availableParallelism, cpus, totalmem } from "node:os";

/** The machine, without anything that names it. */
export function machine(): Record<string, unknown> {
  return {
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGibibytes: Math.round(totalmem() / 2 ** 30),
  };
}
