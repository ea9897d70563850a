// The audit log: its records, its proof, and the heads that witness against a master that shows two logs.

import * as z from "zod";
import { answer, type DeepReadonly, json, type Route } from "./route.js";
import { count, flag, limit, time } from "./values.js";

const record = z
  .object({
    at: time("When it happened"),
    event: z.string().describe("What happened: one of the audit events of the reference."),
    subject: z.string().describe("Id of the node or token, or name of the app, that the event is about."),
    by: z.string().describe("The actor: `token ID`, `person ID` of an admin token, `founder`, or `mesh`."),
    node: z.string().describe("Name of the node that signed the record."),
    master: z.string().describe("Name of the master whose log holds the record."),
    seq: count("Number of the record in that log."),
    detail: z.string().describe("Further details, in words."),
  })
  .meta({ id: "AuditRecord" });

/** Records of the log: the answer to a query without `verify`, `proof` and `heads`. */
export const auditRecords = z.array(record);

/** The verdict of the proof: the answer to `verify`. */
export const auditVerdict = z
  .object({
    ok: z.boolean().describe("Whether the log proves to be whole and unchanged."),
    records: count("Records that were checked."),
    problems: z.array(z.string()).describe("Each fault, in words."),
  })
  .meta({ id: "AuditVerdict" });

/** The data of an offline proof: the answer to `proof`. */
export const auditProof = z
  .object({
    v: z.literal(1).describe("Version of the shape."),
    mesh: z.string().describe("Id of the mesh."),
    node: z.string().describe("Id of the master that made it."),
    at: z.int().describe("When, in milliseconds since 1970."),
    grants: z.array(z.string()).describe("Signed records: masters by the root's word."),
    admissions: z.array(z.string()).describe("Signed records: nodes that were let in."),
    revocations: z.array(z.string()).describe("Signed records: nodes that were revoked."),
    logs: z
      .array(
        z.object({
          master: z.string().describe("Id of the master."),
          entries: z.array(z.unknown()).describe("Its records, each with the hash of the one before."),
        }),
      )
      .describe("The log of each master."),
    heads: z.array(z.string()).describe("Signed heads that nodes have seen."),
  })
  .meta({ id: "AuditProof" });

/** Signed heads: the answer to `heads`. */
export const auditHeads = z.array(z.string());

/** `GET /v1/audit`. */
export const audit = {
  method: "GET",
  path: "/v1/audit",
  summary:
    "Reads the audit log. With `verify` a master checks the log, with `proof` a master gives the data of an offline " +
    "proof, with `heads` the asked node gives the heads that it has seen.",
  role: "admin",
  at: "master",
  query: z.object({
    limit: limit(1_000, "The newest records, at most 10,000"),
    event: z.string().optional().describe("Only records of this event."),
    verify: flag("The verdict of the proof instead of records."),
    proof: flag("The data of an offline proof instead of records."),
    heads: flag("Signed heads of every master's log that the asked node has seen, instead of records."),
  }),
  answers: {
    200: answer(
      "Records, oldest first; or the verdict, the proof or the heads.",
      json(z.union([auditRecords, auditHeads, auditVerdict, auditProof])),
    ),
  },
} as const satisfies Route;

/** A record of the audit log. */
export type AuditRecord = DeepReadonly<z.infer<typeof record>>;

/** The verdict of the proof. */
export type AuditVerdict = DeepReadonly<z.infer<typeof auditVerdict>>;
