// What the owner said on this node, kept for its next start: settings, and a pause.

import { z } from "zod";
import type { Logger } from "../core/log.js";
import { type PolicyPatch, policyShape } from "../core/policy-settings.js";
import { SerialQueue } from "../core/serial-queue.js";
import { keepIn, type StateFiles } from "../storage/state-files.js";

const fileName = "policy";

/**
 * What was said: settings over the node's own, and until when it is paused (epoch ms; infinite: until it is resumed; undefined: not
 * at all).
 */
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
  set: z.record(z.string(), z.unknown()),
  // Who paused the node did not mean "unless the time is damaged".
  pausedUntil: z
    .union([z.number().nonnegative().max(8.64e15), z.literal("forever")])
    .nullish()
    .catch("forever"),
});

/**
 * Reads what was kept. A setting that is unknown or wrong, as in the file of another version, is left out, and the others hold; a
 * file that cannot be read counts as none. The node says so.
 */
export async function openPolicy(files: StateFiles, log: Logger): Promise<KeptPolicy> {
  const writes = new SerialQueue();
  return {
    said: await read(files, log),
    keep: ({ set, pausedUntil }) => {
      const text = JSON.stringify({
        set,
        pausedUntil: pausedUntil === Number.POSITIVE_INFINITY ? "forever" : (pausedUntil ?? null),
      });
      return writes.run(async () => void (await keepIn(files, { name: fileName, content: text })));
    },
  };
}

async function read(files: StateFiles, log: Logger): Promise<SaidPolicy> {
  try {
    const bytes = await files.read(fileName);
    if (bytes === undefined) return { set: {}, pausedUntil: undefined };
    const { set, pausedUntil } = shape.parse(JSON.parse(bytes.toString("utf8")));
    const known = settingsOf(set);
    const lost = Object.keys(set).filter((name) => !Object.hasOwn(known, name));
    if (lost.length > 0) {
      const names = lost.slice(0, 20).map((name) => JSON.stringify(name.slice(0, 80)));
      log.warn(`settings of the owner's policy could not be read: ${names.join(", ")}`);
    }
    return {
      set: known,
      pausedUntil: pausedUntil === "forever" ? Number.POSITIVE_INFINITY : (pausedUntil ?? undefined),
    };
  } catch (cause) {
    log.warn("the owner's policy could not be read: the node's own defaults hold", { cause });
    return { set: {}, pausedUntil: undefined };
  }
}

function settingsOf(set: Readonly<Record<string, unknown>>): PolicyPatch {
  const entries = Object.entries(policyShape).flatMap(([name, setting]) => {
    const read = Object.hasOwn(set, name) ? setting.safeParse(set[name]) : undefined;
    return read?.success === true ? [[name, read.data] as const] : [];
  });
  return Object.fromEntries(entries);
}
