// The audit log as people read it: the newest records of all logs that a master has.

import { decodeSigned } from "../../core/signed.js";
import { type AuditPayload, parseAudit } from "../registry/audit-record.js";
import type { AuditCopies } from "./copies.js";
import type { AuditSegments } from "./segments.js";

const listLimit = 10_000;

/** A record in some master's log. `at` is epoch ms; `master` and `node`, the signer, are ids. */
export interface ListedRecord extends Omit<AuditPayload, "kind" | "mesh"> {
  readonly seq: number;
  readonly master: string;
  readonly node: string;
}

/** The newest records that match, oldest first: 10,000 at most. A record that several masters took is there once. */
export async function listAudit(
  logs: { readonly self: string; readonly own: AuditSegments; readonly copies: AuditCopies },
  query: { readonly limit: number; readonly event?: string | undefined },
): Promise<ListedRecord[]> {
  const limit = Math.min(listLimit, query.limit);
  const found = new Map<string, ListedRecord>();
  const others = logs.copies.masters().filter((master) => master !== logs.self);
  for (const master of [logs.self, ...others]) {
    let count = 0;
    const entries = master === logs.self ? logs.own : await logs.copies.of(master);
    for await (const { seq, record } of entries.backwards()) {
      if (count >= limit) break;
      const signed = decodeSigned(record);
      const payload = signed && parseAudit(signed);
      if (signed === undefined || payload === undefined) continue;
      if (query.event !== undefined && payload.event !== query.event) continue;
      count++;
      const { event, by, subject, detail, at } = payload;
      if (!found.has(record)) found.set(record, { seq, master, node: signed.signer, event, by, subject, detail, at });
    }
  }
  const records = [...found.values()].sort((a, b) => a.at - b.at || a.seq - b.seq);
  return limit === 0 ? [] : records.slice(-limit);
}
