// `herd node policy`, `herd pause`: what the owner of a node's machine allows.

import type { Client } from "../client/client.js";
import { connect, type GlobalOptions } from "../client/connection.js";
import { printable } from "../core/terminal-text.js";
import { UsageError } from "../core/usage-error.js";
import { type PolicyBody, policyRows } from "./policy-text.js";
import { printJson, printNotice, printTable } from "./print.js";

/** Shows the policy of the node; with `set`, texts like `activeShare=0.5`, changes it first. */
export async function policy(options: GlobalOptions & { readonly set?: readonly string[] }): Promise<void> {
  const patch = patchOf(options.set ?? []);
  const client = await connect(options, { asOwner: true });
  const body = patch === undefined ? await client.json<PolicyBody>("/v1/policy") : await put(client, patch);
  if (options.json) printJson(body);
  else printTable(policyRows(body));
}

/** Has the node run nothing for so many seconds, or until it is resumed. */
export async function pause(seconds: number | undefined, options: GlobalOptions): Promise<void> {
  const pausedUntil = seconds === undefined ? "forever" : new Date(Date.now() + seconds * 1_000).toISOString();
  const body = await put(await connect(options, { asOwner: true }), { pausedUntil });
  if (options.json) {
    printJson(body);
    return;
  }
  const until = body.pausedUntil === "forever" || body.pausedUntil === null ? "" : ` until ${body.pausedUntil}`;
  const node = printable(body.node);
  printNotice(`${node} is paused${until}; herd node resume ${node} ends it`);
}

function put(client: Client, patch: Readonly<Record<string, unknown>>): Promise<PolicyBody> {
  const headers = { "content-type": "application/json" };
  return client.json<PolicyBody>("/v1/policy", { method: "PUT", headers, body: JSON.stringify(patch) });
}

/** `key=value` texts as an object: numbers and null as JSON writes them, all else as text. Which keys there are, the node knows. */
export function patchOf(texts: readonly string[]): Record<string, unknown> | undefined {
  if (texts.length === 0) return undefined;
  const entries = texts.map((text) => {
    const equals = text.indexOf("=");
    if (equals < 1) throw new UsageError(`--set ${text}: write SETTING=VALUE, like activeShare=0.5`);
    const value = text.slice(equals + 1);
    const isPlain = /^-?[0-9]+(\.[0-9]+)?$/.test(value) || value === "null";
    return [text.slice(0, equals), isPlain ? JSON.parse(value) : value] as const;
  });
  return Object.fromEntries(entries);
}
