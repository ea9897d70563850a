// `herd join list | approve | reject`: nodes that ask to join without a token.

import * as joins from "../api/joins.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { printAnswer, printJson, printNotice, printTable } from "./print.js";

/** Limits of an approval: `deploy` is false with `--no-deploy`, `host` has the names that the certificate may carry. */
export interface ApproveOptions extends GlobalOptions {
  readonly deploy?: boolean;
  readonly host?: readonly string[];
}

/** Lists the requests that wait. */
export async function listJoins(options: GlobalOptions): Promise<void> {
  const answer = await (await connect(options)).call(joins.listJoins);
  if (options.json) printAnswer(answer);
  else if (answer.json.length === 0) printNotice("nobody waits");
  else
    printTable([
      ["ID", "NAME", "CODE", "ADDRESS", "HOSTS", "SINCE"],
      ...answer.json.map(({ id, name, code, address, hosts, since }) => [
        id,
        name,
        code,
        address,
        hosts.join(","),
        since,
      ]),
    ]);
}

/** Lets a node in. */
export async function approveJoin(id: string, options: ApproveOptions): Promise<void> {
  const body = {
    deploy: options.deploy === false ? false : undefined,
    hosts: options.host === undefined ? undefined : [...options.host],
  };
  const answer = await (await connect(options)).call(joins.approveJoin, { parameters: { id }, body });
  if (options.json) printAnswer(answer);
  else printNotice(`approved ${answer.json.name}`);
}

/** Turns a node away. */
export async function rejectJoin(id: string, options: GlobalOptions): Promise<void> {
  await (await connect(options)).call(joins.rejectJoin, { parameters: { id } });
  if (options.json) printJson({ id, rejected: true });
  else printNotice(`rejected ${id}`);
}
