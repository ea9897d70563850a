// `herd audit verify`: the audit log proved on this machine, with the root certificate that it trusts.

import { writeFile } from "node:fs/promises";
import { connect, type GlobalOptions, trustedRoot } from "../client/connection.js";
import { tryParseJson } from "../core/json.js";
import { printable } from "../core/terminal-text.js";
import { readTextFile } from "../core/text-file.js";
import { UsageError } from "../core/usage-error.js";
import { type AuditVerdict, verifyAudit } from "../pki/audit/verify.js";
import { FailedCheck } from "./failed-check.js";
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

/** A master's bundle, with the heads that the asked node itself has seen: a master cannot leave those out. */
async function fetched(options: GlobalOptions): Promise<unknown> {
  const client = await connect(options);
  // Before the bundle: a head that comes later is rightly ahead of the log in it.
  const heads = await client.json<string[]>("/v1/audit?heads=true");
  const bundle = await client.json<{ readonly heads?: unknown }>("/v1/audit?proof=true");
  return Array.isArray(bundle.heads) ? { ...bundle, heads: [...new Set([...bundle.heads, ...heads])] } : bundle;
}

async function saved(file: string): Promise<unknown> {
  const text = await readTextFile(file);
  // A bundle that was cut off is none, and the verdict says so.
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
