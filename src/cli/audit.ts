// `herd audit list`: what was done in the mesh, by whom.

import { audit, auditRecords } from "../api/audit.js";
import { narrowed } from "../api/route.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { printAnswer, printNotice, printTable } from "./print.js";

/** Prints the newest records, oldest first. */
export async function listAudit(
  options: GlobalOptions & { readonly event?: string; readonly limit?: number },
): Promise<void> {
  const query = { event: options.event, limit: options.limit?.toString() };
  const answer = await (await connect(options)).call(narrowed(audit, auditRecords), { query });
  if (options.json) printAnswer(answer);
  else if (answer.json.length === 0) printNotice("no records");
  else
    printTable([
      ["AT", "EVENT", "SUBJECT", "BY", "NODE", "DETAIL"],
      ...answer.json.map(({ at, event, subject, by, node, detail }) => [at, event, subject, by, node, detail]),
    ]);
}
