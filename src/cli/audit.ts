// `herd audit list`: what was done in the mesh, by whom.

import { connect, type GlobalOptions } from "../client/connection.js";
import { printJson, printNotice, printTable } from "./print.js";

interface AuditBody {
  readonly at: string;
  readonly event: string;
  readonly subject: string;
  readonly by: string;
  readonly node: string;
  readonly master: string;
  readonly seq: number;
  readonly detail?: string;
}

/** Prints the newest records, oldest first. */
export async function listAudit(
  options: GlobalOptions & { readonly event?: string; readonly limit?: number },
): Promise<void> {
  const query = new URLSearchParams();
  if (options.event !== undefined) query.set("event", options.event);
  if (options.limit !== undefined) query.set("limit", String(options.limit));
  const records = await (await connect(options)).json<AuditBody[]>(`/v1/audit?${query}`);
  if (options.json) printJson(records);
  else if (records.length === 0) printNotice("no records");
  else
    printTable([
      ["AT", "EVENT", "SUBJECT", "BY", "NODE", "DETAIL"],
      ...records.map(({ at, event, subject, by, node, detail = "" }) => [at, event, subject, by, node, detail]),
    ]);
}
