// The chain of an audit log: each entry names the hash of the one before, so that none can change or go without all
// later ones.

import { createHash } from "node:crypto";
import * as z from "zod";
import * as field from "../registry/record-fields.js";

/** `prev` of a log's first entry. */
export const chainStart = "0".repeat(64);

/** The largest audit record, in characters of its text. */
export const auditRecordLimit = 4_096;

/** A shape of {@link AuditEntry} as a peer or a file may hold it. */
export const auditEntrySchema = z.strictObject({
  seq: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  prev: field.sha256,
  record: z.string().max(auditRecordLimit),
  at: field.time,
});

/**
 * An entry: its number in the log from 1 on, the hash before it, a signed audit record's text, and when it was added
 * (epoch ms).
 */
export type AuditEntry = Readonly<z.infer<typeof auditEntrySchema>>;

/** The owner of the log that an entry is in; the hash covers it, so that no entry passes in another log. */
interface LogOwner {
  readonly meshId: string;
  /** Node id. */
  readonly master: string;
}

/** The hash of an entry: SHA-256, in hex, over a JSON array of its content and its owner. */
export function entryHash(entry: AuditEntry, { meshId, master }: LogOwner): string {
  const { seq, prev, at, record } = entry;
  return createHash("sha256")
    .update(JSON.stringify([meshId, master, seq, prev, at, record]))
    .digest("hex");
}
