// `herd token create | list | revoke`.

import { connect, type GlobalOptions } from "./connection.js";
import { printJson, printLine, printTable, tell } from "./print.js";

interface TokenBody {
  readonly id: string;
  readonly role: string;
  readonly expires: string;
  readonly app?: string;
  readonly token?: string;
}

/** What to create; `ttl` in seconds. */
export interface CreateOptions extends GlobalOptions {
  readonly role: string;
  readonly app?: string;
  readonly node?: string;
  readonly ttl?: number;
  readonly uses?: number;
}

/** Creates a token and prints it. */
export async function createToken(options: CreateOptions): Promise<void> {
  const { role, app, node, ttl: ttlSeconds, uses } = options;
  const created = await (await connect(options)).json<TokenBody>("/v1/tokens", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ role, app, node, ttlSeconds, uses }),
  });
  if (options.json) {
    printJson({ token: created.token, id: created.id, role: created.role, expires: created.expires });
    return;
  }
  tell(`role ${created.role}${app === undefined ? "" : `, app ${app}`}, expires ${created.expires}, id ${created.id}`);
  printLine(created.token ?? "");
}

/** Lists the tokens that were issued. */
export async function listTokens(options: GlobalOptions): Promise<void> {
  const tokens = await (await connect(options)).json<TokenBody[]>("/v1/tokens");
  if (options.json) printJson(tokens);
  else
    printTable([
      ["ID", "ROLE", "APP", "EXPIRES"],
      ...tokens.map(({ id, role, app, expires }) => [id, role, app ?? "-", expires]),
    ]);
}

/** Revokes a token. */
export async function revokeToken(id: string, options: GlobalOptions): Promise<void> {
  await (await connect(options)).send(`/v1/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
  if (options.json) printJson({ id, revoked: true });
  else tell(`revoked ${id}`);
}
