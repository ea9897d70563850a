// `herd up`: a node in the foreground, until SIGTERM or SIGINT drains it.

import { loadConfig } from "../core/config.js";
import type { Ready } from "../node.js";
import { type GlobalOptions, tokenText } from "./connection.js";
import { curlLine } from "./example-call.js";
import { printJson, printLine } from "./print.js";

/** The flags of `herd up`, as commander names them. */
export interface UpOptions extends GlobalOptions {
  readonly domain?: readonly string[];
  /** `--no-deploy` makes it false; true says nothing, so that a file can. */
  readonly deploy?: boolean;
  readonly [flag: string]: unknown;
}

/** Runs a node until it is told to stop. Throws `UsageError` for what cannot be run. */
export async function up(options: UpOptions): Promise<void> {
  const signalled = firstSignal();
  const { url: _url, token, ca: _ca, json, domain, deploy, ...flags } = options;
  const joining = { token: await tokenText(token), deploy: deploy === false ? false : undefined };
  const config = await loadConfig({ flags: { ...flags, ...joining, domains: domain }, env: process.env });
  // Loaded once a signal is heard, since it takes a while.
  const { HerdNode } = await import("../node.js");
  const node = new HerdNode(config);
  const stopped = signalled.then(() => node.stop());
  // A start that a signal ended fails, as it should: what counts then is how the stop went.
  const started = node.start().catch(async (error: unknown) => {
    if (!signalled.came()) throw error;
    await stopped;
  });
  const ready = await Promise.race([started, stopped]);
  if (ready && !signalled.came()) {
    if (json) printJson(readyLine(ready));
    else printWelcome(ready);
  }
  await stopped;
}

/** Resolves at the first SIGTERM or SIGINT; a SIGINT after it ends the process at once. */
function firstSignal(): Promise<void> & { readonly came: () => boolean } {
  let came = false;
  const signal = new Promise<void>((resolve) => {
    const hear = (): void => {
      if (came) return;
      came = true;
      process.once("SIGINT", () => process.exit(130));
      resolve();
    };
    process.once("SIGTERM", hear);
    process.once("SIGINT", hear);
  });
  return Object.assign(signal, { came: () => came });
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
  if (line === undefined) printLine(`  deploy   herd deploy PATH${ready.token === undefined ? " --token TOKEN" : ""}`);
  else printLine(`  try      ${line}`);
  printLine(`  apps     ${ready.apps.map(({ app }) => app).join(", ") || "none yet"}`);
  // Only a master makes itself a token, and keeps apps: see ARCHITECTURE.md, "What is kept".
  const kept = ready.token === undefined ? "keys" : "keys, apps, an admin token for this machine's herd command";
  printLine(`  state    ${ready.state} (${kept})`);
}
