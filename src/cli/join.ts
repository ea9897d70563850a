// `herd join list | approve | reject`: nodes that ask to join without a token.

import { connect, type GlobalOptions } from "../client/connection.js";
import { printJson, printNotice, printTable } from "./print.js";

interface JoinBody {
  readonly id: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly code: string;
  readonly since: string;
  readonly hosts: readonly string[];
  readonly address: string;
}

/** What an approval may narrow: `deploy` is false with `--no-deploy`, `host` names what the certificate may carry. */
export interface ApproveOptions extends GlobalOptions {
  readonly deploy?: boolean;
  readonly host?: readonly string[];
}

/** Lists the requests that wait. */
export async function listJoins(options: GlobalOptions): Promise<void> {
  const joins = await (await connect(options)).json<JoinBody[]>("/v1/joins");
  if (options.json) printJson(joins);
  else if (joins.length === 0) printNotice("nobody waits");
  else
    printTable([
      ["ID", "NAME", "CODE", "ADDRESS", "HOSTS", "SINCE"],
      ...joins.map(({ id, name, code, address, hosts, since }) => [id, name, code, address, hosts.join(","), since]),
    ]);
}

/** Lets a node in. */
export async function approveJoin(id: string, options: ApproveOptions): Promise<void> {
  const approval = { ...(options.deploy === false ? { deploy: false } : {}), hosts: options.host };
  const approved = await (await connect(options)).json<{ readonly name: string; readonly node: string }>(
    `/v1/joins/${encodeURIComponent(id)}/approve`,
    { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(approval) },
  );
  if (options.json) printJson(approved);
  else printNotice(`approved ${approved.name}`);
}

/** Turns a node away. */
export async function rejectJoin(id: string, options: GlobalOptions): Promise<void> {
  await (await connect(options)).send(`/v1/joins/${encodeURIComponent(id)}/reject`, { method: "POST" });
  if (options.json) printJson({ id, rejected: true });
  else printNotice(`rejected ${id}`);
}
