// `herd logs`: log lines of guests and node, and with --follow those that come.

import { createInterface } from "node:readline";
import { connect, type GlobalOptions } from "../client/connection.js";
import { printable } from "../core/terminal-text.js";
import { printJson, printLine } from "./print.js";

interface LogBody {
  readonly at: string;
  readonly node: string;
  readonly level: string;
  readonly message: string;
  readonly app?: string;
  readonly function?: string;
  readonly invocation?: string;
}

/** Prints log records; with `follow` until the connection ends. */
export async function logs(
  app: string | undefined,
  options: GlobalOptions & { readonly follow?: boolean; readonly limit?: string },
): Promise<void> {
  const client = await connect(options);
  const query = new URLSearchParams();
  if (app !== undefined) query.set("app", app);
  if (options.limit !== undefined) query.set("limit", options.limit);
  if (options.follow) query.set("follow", "true");
  const path = `/v1/logs?${query}`;
  if (!options.follow) {
    const records = await client.json<LogBody[]>(path);
    if (options.json) printJson(records);
    else for (const record of records) printLine(recordText(record));
    return;
  }
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  process.once("SIGTERM", () => interrupted.abort());
  try {
    const stream = await client.open(path, { signal: interrupted.signal });
    for await (const line of createInterface({ input: stream })) {
      if (line === "") continue;
      printLine(options.json ? line : recordText(JSON.parse(line) as LogBody));
    }
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
  }
}

function recordText({ at, node, level, app, function: name, message, invocation }: LogBody): string {
  // The node first: a call's lines come from where it ran.
  const origin = app === undefined ? node : `${node} ${name === undefined ? app : `${app}/${name}`}`;
  const call = invocation === undefined ? "" : ` [${printable(invocation)}]`;
  return `${at} ${level.padEnd(5)} ${printable(origin)}${call} ${printable(message)}`;
}
