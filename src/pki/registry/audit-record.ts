// An audit record: what a node did that people may want to know later, signed by that node.

import * as z from "zod";
import { tryParseJson } from "../../core/json.js";
import type { Signed } from "../../core/signed.js";
import * as field from "./record-fields.js";

/** Everything that is recorded. */
export const auditEvents = [
  "mesh.founded",
  "join.approved",
  "join.refused",
  "renewal.refused",
  "node.revoked",
  "node.returned",
  "node.duplicated",
  "app.deployed",
  "app.rolled-back",
  "app.removed",
  "token.created",
  "token.revoked",
] as const;

/** One of {@link auditEvents}. */
type AuditEventName = (typeof auditEvents)[number];

/**
 * What happened: `by` names the requester (such as `token ID`), `subject` what it was done to (a node's, app's or
 * token's id).
 */
export interface AuditEvent {
  readonly event: AuditEventName;
  readonly by: string;
  readonly subject: string;
  readonly detail: string;
}

const text = (limit: number) =>
  z
    .string()
    .max(limit)
    .regex(/^\P{Cc}*$/u);

const schema = z.strictObject({
  kind: z.literal("audit"),
  mesh: field.meshId,
  event: z.enum(auditEvents),
  by: text(128),
  subject: text(128),
  detail: text(512),
  /** Epoch ms, by the clock of the node that signs. */
  at: field.time,
});

/** The payload of an audit record. */
export type AuditPayload = Readonly<z.infer<typeof schema>>;

/** The payload text of an event. What is too long for a record is cut, and line breaks and the like become spaces. */
export function auditPayloadText(event: AuditEvent, { meshId, at }: { meshId: string; at: number }): string {
  const fit = (value: string, limit: number) => value.replace(/\p{Cc}/gu, " ").slice(0, limit);
  return JSON.stringify({
    kind: "audit",
    mesh: meshId,
    event: event.event,
    by: fit(event.by, 128),
    subject: fit(event.subject, 128),
    detail: fit(event.detail, 512),
    at,
  } satisfies AuditPayload);
}

/** The payload of an audit record, `undefined` unless it is well-formed. */
export function parseAudit({ payload }: Pick<Signed, "payload">): AuditPayload | undefined {
  return schema.safeParse(tryParseJson(payload)).data;
}

/** What a node must be to record an event: deploys are for nodes with the mark, all else is what masters do. */
export function mayRecord(
  event: AuditEventName,
  actor: { readonly master: boolean; readonly deploy: boolean },
): boolean {
  return event.startsWith("app.") ? actor.deploy : actor.master;
}
