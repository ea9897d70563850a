// `herd token create | list | revoke`.

import { connect, type GlobalOptions } from "../client/connection.js";
import { commandName, notDurable, printJson, printLine, printNotice, printTable } from "./print.js";

interface TokenBody {
  readonly id: string;
  readonly role: string;
  readonly expires: string;
  readonly app?: string;
  readonly token?: string;
  readonly node?: string;
  readonly uses?: number;
  readonly url?: string;
  readonly fingerprint?: string;
}

/** What to create; `ttl` in seconds. */
export interface CreateOptions extends GlobalOptions {
  readonly role: string;
  readonly app?: string;
  readonly node?: string;
  readonly ttl?: number;
  readonly uses?: number;
  readonly master?: boolean;
  readonly deploy?: boolean;
  readonly host?: readonly string[];
}

/** Creates a token and prints it. */
export async function createToken(options: CreateOptions): Promise<void> {
  const { role, app, node, ttl: ttlSeconds, uses, master, host: hosts } = options;
  const deploy = options.deploy === false ? false : undefined;
  const created = await (await connect(options)).json<TokenBody>("/v1/tokens", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ role, app, node, ttlSeconds, uses, master, deploy, hosts }),
  });
  const { token = "", id, expires, url, fingerprint } = created;
  if (options.json) {
    printJson({ token, id, role: created.role, expires, ...(url === undefined ? {} : { url, fingerprint }) });
    return;
  }
  printNotice(`role ${created.role}${app === undefined ? "" : `, app ${app}`}, expires ${expires}, id ${id}`);
  if (url !== undefined) {
    printNotice(`master ${url}, root SHA-256 ${fingerprint ?? ""}`);
    if (isLoopback(url)) printNotice(loopbackNote);
    printNotice(`on the new machine: ${joinLine({ url, token, node, host: hosts?.[0] })}`);
  }
  printLine(token);
}

const loopbackNote =
  "only this machine reaches that address: for others, start the master with --host 0.0.0.0 --advertise NAME";

function isLoopback(url: string): boolean {
  return /^https:\/\/(localhost|127\.[0-9.]+|\[::1\])(:|\/|$)/.test(url);
}

/** The command for the other machine: with the name that the token is bound to, and the first host that it vouches for. */
export function joinLine(join: {
  readonly url: string;
  readonly token: string;
  readonly node: string | undefined;
  readonly host: string | undefined;
}): string {
  const { url, token, node, host } = join;
  const name = node === undefined ? "" : ` --name ${node}`;
  const reach = host === undefined ? "" : ` --host 0.0.0.0 --advertise ${host}`;
  return `${commandName()} up --join ${url} --token ${token}${name}${reach}`;
}

/** Lists the tokens that were issued. */
export async function listTokens(options: GlobalOptions): Promise<void> {
  const tokens = await (await connect(options)).json<TokenBody[]>("/v1/tokens");
  if (options.json) printJson(tokens);
  else
    printTable([
      ["ID", "ROLE", "FOR", "EXPIRES", "USES"],
      ...tokens.map(({ id, role, app, node, expires, uses }) => [
        id,
        role,
        app ?? node ?? "-",
        expires,
        `${uses ?? "-"}`,
      ]),
    ]);
}

/** Revokes a token. */
export async function revokeToken(id: string, options: GlobalOptions): Promise<void> {
  const client = await connect(options);
  const { headers } = await client.send(`/v1/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
  const durable = headers["herd-durable"] !== "false";
  if (options.json) printJson({ id, revoked: true, ...(durable ? {} : { durable }) });
  else printNotice(`revoked ${id}${durable ? "" : notDurable}`);
}
