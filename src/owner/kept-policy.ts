// What the owner said on this node, kept for its next start: settings, and a pause.

import { z } from "zod";
import type { Logger } from "../core/log.js";
import { type PolicyPatch, policySchema } from "../core/policy-settings.js";
import { SerialQueue } from "../core/serial-queue.js";
import type { StateFiles } from "../core/state-files.js";

const fileName = "policy";

/** What was said: settings over the node's own, and until when it is paused (epoch ms; infinite: until it is resumed; undefined: not at all). */
export interface SaidPolicy {
  readonly set: PolicyPatch;
  readonly pausedUntil: number | undefined;
}

/** Where it is kept. */
export interface KeptPolicy {
  /** What was kept before this start. */
  readonly said: SaidPolicy;
  /** Resolves when it is written; throws `internal` when it could not be. */
  keep(said: SaidPolicy): Promise<void>;
}

const shape = z.object({
  set: policySchema,
  pausedUntil: z.union([z.number().nonnegative().max(8.64e15), z.literal("forever"), z.null()]),
});

/** Reads what was kept. A file that cannot be read counts as none: the node then has its own defaults, and says so. */
export async function openPolicy(files: StateFiles, log: Logger): Promise<KeptPolicy> {
  const writes = new SerialQueue();
  return {
    said: await read(files, log),
    keep: ({ set, pausedUntil }) => {
      const text = JSON.stringify({
        set,
        pausedUntil: pausedUntil === Number.POSITIVE_INFINITY ? "forever" : (pausedUntil ?? null),
      });
      return writes.run(() => files.write(fileName, text));
    },
  };
}

async function read(files: StateFiles, log: Logger): Promise<SaidPolicy> {
  try {
    const bytes = await files.read(fileName);
    if (bytes === undefined) return { set: {}, pausedUntil: undefined };
    const { set, pausedUntil } = shape.parse(JSON.parse(bytes.toString("utf8")));
    return { set, pausedUntil: pausedUntil === "forever" ? Number.POSITIVE_INFINITY : (pausedUntil ?? undefined) };
  } catch (cause) {
    log.warn("the owner's policy could not be read: the node's own defaults hold", { cause });
    return { set: {}, pausedUntil: undefined };
  }
}
