// `herd token create | list | revoke`.

import type { SentBodyOf } from "../api/route.js";
import * as tokens from "../api/tokens.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { commandName, notDurable, printAnswer, printJson, printLine, printNotice, printTable } from "./print.js";

/** The options of `herd token create`; `ttl` in seconds. */
export interface CreateOptions extends GlobalOptions {
  readonly role: SentBodyOf<typeof tokens.createToken>["role"];
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
  const { role, app, node, ttl: ttlSeconds, uses, master } = options;
  const deploy = options.deploy === false ? false : undefined;
  const hosts = options.host === undefined ? undefined : [...options.host];
  const answer = await (await connect(options)).call(tokens.createToken, {
    body: { role, app, node, ttlSeconds, uses, master, deploy, hosts },
  });
  if (options.json) {
    printAnswer(answer);
    return;
  }
  const issued = answer.json;
  const scope = app === undefined ? "" : `, app ${app}`;
  printNotice(`role ${issued.role}${scope}, expires ${issued.expires}, id ${issued.id}`);
  if (issued.role === "join" && issued.url !== undefined) {
    const { url, token, fingerprint } = issued;
    printNotice(`master ${url}, root SHA-256 ${fingerprint}`);
    if (isLoopback(url)) printNotice(loopbackNote);
    printNotice(`on the new machine: ${joinLine({ url, token, node, host: hosts?.[0] })}`);
  }
  printLine(issued.token);
}

const loopbackNote =
  "only this machine reaches that address: for others, start the master with --host 0.0.0.0 --advertise NAME";

function isLoopback(url: string): boolean {
  return /^https:\/\/(localhost|127\.[0-9.]+|\[::1\])(:|\/|$)/.test(url);
}

/** The command for the other machine, with the name that the token is bound to and the first host that it covers. */
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
  const answer = await (await connect(options)).call(tokens.listTokens);
  if (options.json) printAnswer(answer);
  else
    printTable([
      ["ID", "ROLE", "FOR", "EXPIRES", "USES"],
      ...answer.json.map((token) => {
        const [scope, uses] = token.role === "join" ? [token.node, String(token.uses)] : [token.app, "-"];
        return [token.id, token.role, scope ?? "-", token.expires, uses];
      }),
    ]);
}

/** Revokes a token. */
export async function revokeToken(id: string, options: GlobalOptions): Promise<void> {
  const client = await connect(options);
  const { headers } = await client.call(tokens.revokeToken, { parameters: { id } });
  const durable = headers["herd-durable"] !== "false";
  if (options.json) printJson({ id, revoked: true, ...(durable ? {} : { durable }) });
  else printNotice(`revoked ${id}${durable ? "" : notDurable}`);
}
