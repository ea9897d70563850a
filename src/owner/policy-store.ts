// The owner's changes on this node, kept for its next start: settings of the policy, and a pause.

import * as z from "zod";
import type { Logger } from "../core/log.js";
import { type OwnerPolicyPatch, ownerPolicyShape } from "../core/owner-policy.js";
import { SerialQueue } from "../core/serial-queue.js";
import { keepIn, type StateFiles } from "../storage/state-files.js";

const fileName = "policy";

/** The owner's changes. */
export interface StoredPolicy {
  /** Settings that replace the node's own. */
  readonly set: OwnerPolicyPatch;
  /** Until when the node is paused, epoch ms; infinite: until it is resumed; undefined: it is not paused. */
  readonly pausedUntil: number | undefined;
}

/** Where the owner's changes are kept. */
export interface PolicyStore {
  /** The changes that were kept before this start. */
  readonly stored: StoredPolicy;
  /** Resolves when the changes are written; throws `internal` when they could not be. */
  keep(policy: StoredPolicy): Promise<void>;
}

const shape = z.object({
  set: z.record(z.string(), z.unknown()),
  // A damaged time counts as "forever": an owner who paused the node must not find it at work.
  pausedUntil: z
    .union([z.number().nonnegative().max(8.64e15), z.literal("forever")])
    .nullish()
    .catch("forever"),
});

/**
 * Reads the kept changes. A setting that is unknown or wrong, as in the file of another version, is left out and the
 * other settings hold. A file that cannot be read counts as none. The log reports both.
 */
export async function openPolicyStore(files: StateFiles, log: Logger): Promise<PolicyStore> {
  const writes = new SerialQueue();
  return {
    stored: await read(files, log),
    keep: ({ set, pausedUntil }) => {
      const text = JSON.stringify({
        set,
        pausedUntil: pausedUntil === Number.POSITIVE_INFINITY ? "forever" : (pausedUntil ?? null),
      });
      return writes.run(async () => void (await keepIn(files, { name: fileName, content: text })));
    },
  };
}

async function read(files: StateFiles, log: Logger): Promise<StoredPolicy> {
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

function settingsOf(set: Readonly<Record<string, unknown>>): OwnerPolicyPatch {
  const entries = Object.entries(ownerPolicyShape).flatMap(([name, setting]) => {
    const read = Object.hasOwn(set, name) ? setting.safeParse(set[name]) : undefined;
    return read?.success === true ? [[name, read.data] as const] : [];
  });
  return Object.fromEntries(entries);
}
