// `herd up`: a node in the foreground, until SIGTERM or SIGINT drains it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ReadyLine } from "../api/ready.js";
import { type GlobalOptions, tokenText } from "../client/client-options.js";
import { type Config, joinsMesh, loadConfig } from "../core/config.js";
import { watchUnhandledErrors } from "../core/unhandled-errors.js";
import { type LeafKeys, makeLeafKeys } from "../pki/x509/rsa-key.js";
import type { Ready } from "../server/views/startup-summary.js";
import { curlLine } from "./example-call.js";
import { commandName, printJson, printLine, printNotice } from "./print.js";

/** The flags of `herd up`, as commander names them. */
export interface UpOptions extends GlobalOptions {
  readonly domain?: readonly string[];
  /** False with `--no-deploy`. True is commander's default, so the configuration file may still decide. */
  readonly deploy?: boolean;
  readonly [flag: string]: unknown;
}

/**
 * Exit code of a node that an operator recycled, or that met a defect of its own (sysexits' EX_TEMPFAIL): the
 * supervisor starts a node again.
 */
export const recycledCode = 75;

/**
 * After a defect, links, files and threads have the deadline of calls and these milliseconds to end; then the process
 * exits.
 */
const faultDrainMs = 10_000;

/** Runs a node until a signal or a recycle stops it. Throws `UsageError` for settings that no node can run with. */
export async function up(options: UpOptions): Promise<void> {
  const signalled = firstSignal();
  const config = await loadConfig({ flags: await upFlags(options), env: process.env });
  const leafKeys = keysAhead(config);
  // Loading takes a while: the signal handlers are installed before.
  const { HerdNode } = await import("../node/node.js");
  const node = new HerdNode(config, { onProgress: printNotice, leafKeys });
  watchUnhandledErrors({
    report: (kind, cause) => node.reportUnhandled(kind, cause),
    drain: () => node.stop(),
    exit: () => process.exit(recycledCode),
    // Calls under way end by their deadline; links, files and threads take the rest.
    drainMs: config.limits.deadlineMs + faultDrainMs,
  });
  const recycled = node.recycled.then(() => {
    process.exitCode = recycledCode;
  });
  const stopped = Promise.race([signalled, recycled]).then(() => node.stop());
  // A start that a signal interrupts fails, as expected: the outcome of the stop decides the exit code.
  const started = node.start().catch(async (error: unknown) => {
    if (!signalled.came()) throw error;
    await stopped;
  });
  const ready = await Promise.race([started, stopped]);
  if (ready && !signalled.came()) {
    if (options.json) printJson(readyLine(ready));
    else printWelcome(ready);
    if (config.nameGiven && config.name !== ready.node) printNotice(nameNote(config.name, ready));
    for (const reason of ready.notReady) printNotice(`not ready: ${reason}`);
    if (ready.wall.missing.length > 0) printNotice(wallNote(ready));
  }
  await stopped;
}

/** The flags as settings; a token of `@FILE` is read. Throws `UsageError`. */
export async function upFlags(options: UpOptions): Promise<Readonly<Record<string, unknown>>> {
  const { url: _url, token, ca: _ca, json: _json, container: _container, domain, deploy, ...flags } = options;
  return { ...flags, token: await tokenText(token), deploy: deploy === false ? false : undefined, domains: domain };
}

/** Makes the keys of a node that joins for the first time in other threads, while this thread loads the node. */
function keysAhead(config: Config): Promise<LeafKeys> | undefined {
  if (!joinsMesh(config) || existsSync(join(config.state, "identity"))) return undefined;
  const keys = makeLeafKeys();
  // The join reports the failure. A start that ends before the join leaves this promise without a handler.
  keys.catch(() => undefined);
  return keys;
}

/** Resolves at the first SIGTERM or SIGINT; a SIGINT after it ends the process at once. */
function firstSignal(): Promise<void> & { readonly came: () => boolean } {
  let came = false;
  const signal = new Promise<void>((resolve) => {
    const receive = (): void => {
      if (came) return;
      came = true;
      process.once("SIGINT", () => process.exit(130));
      resolve();
    };
    process.once("SIGTERM", receive);
    process.once("SIGINT", receive);
  });
  return Object.assign(signal, { came: () => came });
}

function readyLine({ url, peer, node, mesh, foundingToken: token, ca, state }: Ready): ReadyLine {
  return { event: "ready", url, peer, node, mesh, token, ca, state };
}

function printWelcome(ready: Ready): void {
  for (const line of welcomeLines(ready)) printLine(line);
}

/** The lines for people when the node serves. Only a master has a sign-in code, and a token without being given one. */
export function welcomeLines(ready: Ready): string[] {
  const { node, url, signInUrl, master, token, state, door } = ready;
  const herd = commandName();
  const apps = ready.apps.map(({ app }) => app).join(", ");
  const example = curlLine(ready);
  const withToken = token === undefined ? " --token @FILE" : "";
  const how = master ? "" : ` (sign in with a token: ${herd} token create --role admin, on a master)`;
  const kept = token === undefined ? "this node's keys; no token: commands here need --token" : "keys, an admin token";
  return [
    `Node ${node} serves ${url} (${door === "uws" ? "uWebSockets" : "node:https"})`,
    `  console  ${signInUrl}${how}`,
    example === undefined ? `  deploy   ${herd} deploy PATH${withToken}` : `  try      ${example}`,
    `  apps     ${apps || (master ? "none yet" : "the mesh's, as they arrive")}`,
    `  state    ${state} (${master ? "keys, apps, an admin token for this machine's herd command" : kept})`,
  ];
}

function wallNote({ wall: { missing } }: Ready): string {
  if (!missing.includes("no container")) return `the outer wall has gaps: ${missing.join(", ")}`;
  return (
    "no container stands around this node: what breaks out of a function's sandbox is on this machine (up " +
    "--container puts one there)"
  );
}

function nameNote(wanted: string, { node }: Ready): string {
  return (
    `this node is called ${node}, not ${wanted}: a node keeps the name that its mesh gave it, and two never ` +
    "have the same"
  );
}
