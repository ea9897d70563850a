// All that proves the audit log, in one piece that is good without any network: the body of GET /v1/audit?proof=true.

import * as z from "zod";
import type { Clock } from "../../core/clock.js";
import { encodeSigned, type Signed, signedLimitBytes } from "../../core/signed.js";
import * as field from "../registry/record-fields.js";
import type { Registry } from "../registry/registry.js";
import { auditEntrySchema } from "./chain.js";
import type { AuditCopies } from "./copies.js";
import type { AuditSegments } from "./segments.js";
import type { AuditHeads } from "./witnessed-heads.js";

const records = (limit: number) => z.array(z.string().max(signedLimitBytes)).max(limit);

/** Entries of one log that a bundle can hold. */
const bundleEntries = 1_000_000;

/** The shape of a bundle, of any origin. */
export const auditBundleSchema = z.object({
  v: z.literal(1),
  mesh: field.meshId,
  /** The master that made the bundle, and when (epoch ms). */
  node: field.nodeId,
  at: field.time,
  /** The nodes of the mesh: texts of signed records. */
  grants: records(10_000),
  admissions: records(10_000),
  revocations: records(20_000),
  /** The log of that master, and its copies of other masters' logs. */
  logs: z.array(z.object({ master: field.nodeId, entries: z.array(auditEntrySchema).max(bundleEntries) })).max(1_024),
  /** Every head that the master, and the peers that it requested heads of, have seen. */
  heads: records(100_000),
});

/** A log with its proof. */
export type AuditBundle = z.infer<typeof auditBundleSchema>;

/**
 * Where a master takes a bundle from. `otherHeads` gives heads that other nodes hold, as texts: they keep this master
 * honest.
 */
interface BundleSources {
  readonly registry: Registry;
  readonly self: string;
  readonly own: AuditSegments;
  readonly copies: AuditCopies;
  readonly heads: AuditHeads;
  readonly otherHeads: () => Promise<readonly string[]>;
  readonly clock: Clock;
}

/** The bundle of this master. */
export async function auditBundle(sources: BundleSources): Promise<AuditBundle> {
  const { registry, self, own, copies, heads, otherHeads, clock } = sources;
  const others = await otherHeads();
  const logs: AuditBundle["logs"] = [{ master: self, entries: await own.read(1, bundleEntries) }];
  for (const master of copies.masters()) {
    if (master !== self) logs.push({ master, entries: await (await copies.of(master)).read(1, bundleEntries) });
  }
  return {
    v: 1,
    mesh: registry.meshId,
    node: self,
    at: clock.now(),
    grants: textsOf(registry.grants),
    admissions: textsOf(registry.admissions),
    revocations: textsOf(registry.revocations),
    logs,
    heads: [...new Set([...heads.texts(), ...others])],
  };
}

function textsOf(store: { values(): Iterable<{ readonly signed: Signed }> }): string[] {
  return [...store.values()].map(({ signed }) => encodeSigned(signed));
}
