// The signed registry of masters, as GET /v1/masters answers it. A reader that knows the root can judge its records as
// a registry does.

import type { NodeRecord } from "./node-record.js";
import type { Registry } from "./registry.js";

/** A master as people see it. */
interface MasterView {
  readonly name: string;
  readonly id: string;
  readonly url: string | null;
  /** `HOST:PORT`. */
  readonly peer: string | null;
  readonly fingerprint: string;
}

/** The body of `GET /v1/masters`: the masters, and the records that prove them. */
export interface MastersView {
  readonly mesh: string;
  readonly masters: readonly MasterView[];
  /** Texts of the grants, and of the masters' admissions, revocations and addresses. */
  readonly records: readonly string[];
}

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
