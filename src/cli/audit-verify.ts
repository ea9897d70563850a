// `herd audit verify`: the audit log proved on this machine, with the root certificate that it trusts.

import { writeFile } from "node:fs/promises";
import { type AuditVerdict, audit, auditHeads, auditProof } from "../api/audit.js";
import { narrowed } from "../api/route.js";
import { connect, type GlobalOptions, trustedRoot } from "../client/client-options.js";
import { tryParseJson } from "../core/json.js";
import { printable } from "../core/terminal-text.js";
import { readTextFile } from "../core/text-file.js";
import { UsageError } from "../core/usage-error.js";
import { verifyAudit } from "../pki/audit/verify.js";
import { FailedCheck } from "./command-errors.js";
import { printJson, printLine } from "./print.js";
import { withProgress } from "./progress.js";

/** The options of `herd audit verify`; `save` names a file for what was fetched. */
export interface VerifyOptions extends GlobalOptions {
  readonly save?: string;
}

/** Verifies what the node gives, or what a file holds. Throws {@link FailedCheck} when it is not proved. */
export async function verifyAuditLog(file: string | undefined, options: VerifyOptions): Promise<void> {
  if (file !== undefined && options.save !== undefined) throw new UsageError("--save is for what a node gives");
  const root = await trustedRoot(options);
  const bundle =
    file === undefined ? await withProgress("fetching the log", () => fetched(options)) : await saved(file);
  if (options.save !== undefined) await writeFile(options.save, `${JSON.stringify(bundle)}\n`);
  const verdict = verifyAudit(bundle, root);
  print(verdict, options);
  if (!verdict.ok) throw new FailedCheck(`the audit log is not proved: ${count(verdict.problems.length, "problem")}`);
}

/** A master's proof, with the heads that the asked node itself has seen: the master cannot leave those out. */
async function fetched(options: GlobalOptions): Promise<unknown> {
  const client = await connect(options);
  // The heads come first: a head of a later entry would be ahead of the log in the proof, and rightly so.
  const heads = await client.call(narrowed(audit, auditHeads), { query: { heads: "true" } });
  const { json: proof } = await client.call(narrowed(audit, auditProof), { query: { proof: "true" } });
  return { ...proof, heads: [...new Set([...proof.heads, ...heads.json])] };
}

async function saved(file: string): Promise<unknown> {
  const text = await readTextFile(file);
  // A file that was cut off holds no proof: the verdict reports that.
  return tryParseJson(text);
}

function print({ ok, records, problems }: AuditVerdict, options: GlobalOptions): void {
  if (options.json) {
    printJson({ ok, records, problems });
    return;
  }
  for (const problem of problems) printLine(printable(problem));
  if (ok) printLine(`${count(records, "record")}: nothing changed, dropped, reordered or forged`);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
