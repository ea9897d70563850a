// `herd up`: a node in the foreground, until SIGTERM or SIGINT drains it.

import { loadConfig } from "../core/config.js";
import { HerdNode, type Ready } from "../node.js";
import type { GlobalOptions } from "./connection.js";
import { curlLine } from "./example-call.js";
import { printJson, printLine } from "./print.js";

/** The flags of `herd up`, as commander names them. */
export interface UpOptions extends GlobalOptions {
  readonly domain?: readonly string[];
  readonly [flag: string]: unknown;
}

/** Runs a node until it is told to stop. Throws `UsageError` for what cannot be run. */
export async function up(options: UpOptions): Promise<void> {
  const { url: _url, token: _token, ca: _ca, json, domain, ...flags } = options;
  const config = await loadConfig({ flags: { ...flags, domains: domain }, env: process.env });
  const node = new HerdNode(config);
  // From here on a signal stops the node in order, also while it starts.
  const stopped = new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      process.once("SIGINT", () => process.exit(130));
      node.stop().then(resolve, reject);
    };
    process.once("SIGTERM", stop);
    process.once("SIGINT", stop);
  });
  const ready = await Promise.race([node.start(), stopped]);
  if (ready === undefined) return;
  if (json) printJson(readyLine(ready));
  else printWelcome(ready);
  await stopped;
}

function readyLine(ready: Ready): Record<string, unknown> {
  const { url, peer, node, mesh, foundingToken, ca, state } = ready;
  const token = foundingToken === undefined ? {} : { token: foundingToken };
  return { event: "ready", url, peer, node, mesh, ...token, ca, state };
}

function printWelcome(ready: Ready): void {
  printLine(`Node ${ready.node} serves ${ready.url}`);
  printLine(`  console  ${ready.signInUrl}`);
  const line = curlLine(ready);
  if (line === undefined) printLine("  deploy   herd deploy PATH");
  else printLine(`  try      ${line}`);
  printLine(`  apps     ${ready.apps.map(({ app }) => app).join(", ") || "none yet"}`);
  printLine(`  state    ${ready.state} (keys, apps, an admin token for this machine's herd command)`);
}
