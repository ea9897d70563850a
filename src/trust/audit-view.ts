// The audit log as admins read it at one node: its newest records, and the bundle that proves them offline.

import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { Links } from "../mesh/ports.js";
import { type AuditBundle, auditBundle } from "../pki/audit/bundle.js";
import type { AuditCopies } from "../pki/audit/copies.js";
import { type ListedRecord, listAudit } from "../pki/audit/list.js";
import type { AuditLog } from "../pki/audit/log.js";
import type { AuditHeads } from "../pki/audit/witnessed-heads.js";
import type { Registry } from "../pki/registry/registry.js";

/** The kind of request for the heads that a node has seen. */
export const headsKind = "audit-heads";
const headsTimeoutMs = 1_000;
/** Far more than a node keeps of one mesh, and how many false heads are taken for a mistake rather than malice. */
const maxHeads = 1_024;
const maxFalseHeads = 8;

/** The audit log: its records at a master, its heads everywhere. */
export interface AuditView {
  /** The newest records that match, oldest first. */
  list(query: {
    readonly limit: number;
    readonly event?: string | undefined;
  }): Promise<readonly ListedRecord[]> | readonly ListedRecord[];
  /** All that an offline proof needs, as JSON. */
  bundle(): Promise<AuditBundle> | AuditBundle;
  /** Texts of the signed heads that this node has seen, of all masters' logs. */
  heads(): readonly string[];
}

/** What the view is made of; `own` is undefined at a node that is no master. */
interface AuditViewSources {
  readonly self: string;
  readonly own: AuditLog | undefined;
  readonly copies: AuditCopies;
  readonly heads: AuditHeads;
  readonly registry: Registry;
  readonly links: () => Links;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The view. */
export function auditView({ self, own, copies, heads, registry, links, clock, log }: AuditViewSources): AuditView {
  return {
    heads: () => heads.texts(),
    list: (query) => (own === undefined ? [] : listAudit({ self, own: own.entries, copies }, query)),
    bundle: async () => {
      if (own === undefined) throw new HerdError("node.unavailable", "a master keeps the audit log");
      const otherHeads = () => requestHeads(links(), { heads, log });
      return auditBundle({ registry, self, own: own.entries, copies, heads, otherHeads, clock });
    },
  };
}

/**
 * The heads that all linked peers have seen: they keep this master honest. A peer that does not answer within a second,
 * or shows what no master signed, is left out.
 */
async function requestHeads(links: Links, { heads, log }: { heads: AuditHeads; log: Logger }): Promise<string[]> {
  const proved = new Set(heads.texts());
  await Promise.allSettled(
    links.all().map(async (link) => {
      const answer = await link.request(headsKind, null, { timeoutMs: headsTimeoutMs });
      let wrong = 0;
      for (const text of Array.isArray(answer) ? answer.slice(0, maxHeads) : []) {
        if (proved.has(text)) continue;
        if (typeof text === "string" && heads.proves(text)) proved.add(text);
        else if (++wrong >= maxFalseHeads) break;
      }
      // A false head in a proof would read as a master's lie.
      const peer = link.peer.nodeId;
      if (wrong > 0) log.warn("a peer shows heads of audit logs that no master signed", { peer, repeat: peer });
    }),
  );
  return [...proved];
}
