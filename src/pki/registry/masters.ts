// The signed registry of masters: what GET /v1/masters answers, and how whoever knows the root reads it.

import { z } from "zod";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { signedLimitBytes } from "../../core/signed.js";
import { MemoryFiles } from "../../core/state-files.js";
import type { NodeRecord } from "./node-record.js";
import { Registry } from "./registry.js";

/** A master as people see it. */
export interface MasterView {
  readonly name: string;
  readonly id: string;
  readonly url: string | null;
  /** `HOST:PORT`. */
  readonly peer: string | null;
  readonly fingerprint: string;
}

/** The body of `GET /v1/masters`: what is said, and the records that prove it. */
export interface MastersView {
  readonly mesh: string;
  readonly masters: readonly MasterView[];
  /** Texts of the grants, and of the masters' admissions, revocations and addresses. */
  readonly records: readonly string[];
}

const bodySchema = z.object({ records: z.array(z.string().max(signedLimitBytes)).max(1_024) });

/** The masters that a registry knows. */
export function mastersView(registry: Registry): MastersView {
  const masters = registry.masters().flatMap(({ node, name, url, peer }) => {
    const record = registry.node(node);
    if (record === undefined) return [];
    return [{ name, id: node, url: url ?? null, peer: peer ?? null, fingerprint: record.fingerprint }];
  });
  const about = new Set(registry.nodes().flatMap((node: NodeRecord) => (node.master ? [node.id] : [])));
  const records: string[] = [];
  for (const store of registry.stores) {
    for (const id of store.ids()) {
      const text = store.get(id);
      if (text !== undefined && about.has(store.about(id) ?? "")) records.push(text);
    }
  }
  return { mesh: registry.meshId, masters, records };
}

/**
 * What a body of `GET /v1/masters` proves to someone who has the root certificate (PEM): it is worked out of the records
 * alone. Throws `auth.invalid` when the body proves no master.
 */
export async function readMasters(
  body: unknown,
  { meshId, rootCertificate, clock }: { meshId: string; rootCertificate: string; clock: Clock },
): Promise<MastersView> {
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) throw new HerdError("auth.invalid", "the list of masters cannot be read");
  const registry = new Registry({ meshId, rootCertificate, files: new MemoryFiles(), clock });
  // Each store in turn, since a grant is what admissions are judged by.
  for (const store of registry.stores) {
    for (const text of parsed.data.records) {
      await store.accept(text).catch((error: unknown) => {
        if (!(error instanceof HerdError && error.code === "auth.invalid")) throw error;
      });
    }
  }
  const view = mastersView(registry);
  if (view.masters.length === 0) throw new HerdError("auth.invalid", "the list of masters proves none");
  return view;
}
