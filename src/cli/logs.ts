// `herd logs`: log lines of guests and of the node; with --follow also new ones as they come.

import { createInterface } from "node:readline";
import { type LogLine, logLineOf, readLogs } from "../api/logs.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { printable } from "../core/terminal-text.js";
import { printAnswer, printLine } from "./print.js";

/** Prints log records; with `follow` until the connection ends. */
export async function logs(
  app: string | undefined,
  options: GlobalOptions & { readonly follow?: boolean; readonly limit?: number },
): Promise<void> {
  const client = await connect(options);
  const query = { app, limit: options.limit?.toString() };
  if (!options.follow) {
    const answer = await client.call(readLogs, { query });
    if (options.json) printAnswer(answer);
    else for (const record of answer.json) printLine(recordText(record));
    return;
  }
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  process.once("SIGTERM", () => interrupted.abort());
  try {
    const stream = await client.follow(readLogs, { query: { ...query, follow: "true" }, signal: interrupted.signal });
    for await (const line of createInterface({ input: stream })) {
      if (line === "") continue;
      printLine(options.json ? line : recordText(logLineOf(line)));
    }
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
  }
}

function recordText({ at, node, level, app, function: name, message, invocation }: LogLine): string {
  // The node comes first, since a call may run on another node than the asked one.
  const origin = app === undefined ? node : `${node} ${name === undefined ? app : `${app}/${name}`}`;
  const call = invocation === undefined ? "" : ` [${printable(invocation)}]`;
  return `${at} ${level.padEnd(5)} ${printable(origin)}${call} ${printable(message)}`;
}
