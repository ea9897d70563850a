// `herd node policy`, `herd pause`: what the owner of a node's machine allows.

import { changePolicy, showPolicy } from "../api/policy.js";
import type { Client } from "../client/client.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import type { RouteAnswer } from "../client/route-request.js";
import { printable } from "../core/terminal-text.js";
import { UsageError } from "../core/usage-error.js";
import { policyRows } from "./policy-text.js";
import { printAnswer, printNotice, printTable } from "./print.js";

/** Shows the policy of the node; with `set`, texts like `activeShare=0.5`, changes it first. */
export async function policy(options: GlobalOptions & { readonly set?: readonly string[] }): Promise<void> {
  const patch = patchOf(options.set ?? []);
  const client = await connect(options, { asOwner: true });
  const answer = patch === undefined ? await client.call(showPolicy) : await change(client, patch);
  if (options.json) printAnswer(answer);
  else printTable(policyRows(answer.json));
}

/** Has the node run nothing for so many seconds, or until it is resumed. */
export async function pause(seconds: number | undefined, options: GlobalOptions): Promise<void> {
  const pausedUntil = seconds === undefined ? "forever" : new Date(Date.now() + seconds * 1_000).toISOString();
  const client = await connect(options, { asOwner: true });
  const answer = await client.call(changePolicy, { body: { pausedUntil } });
  if (options.json) {
    printAnswer(answer);
    return;
  }
  const paused = answer.json;
  const until = paused.pausedUntil === "forever" || paused.pausedUntil === null ? "" : ` until ${paused.pausedUntil}`;
  const node = printable(paused.node);
  printNotice(`${node} is paused${until}; herd node resume ${node} ends it`);
}

/** The node checks the patch: a newer node may have settings that this version does not know. */
function change(client: Client, patch: Readonly<Record<string, unknown>>): Promise<RouteAnswer<typeof changePolicy>> {
  return client.call(changePolicy, { raw: { type: "application/json", bytes: JSON.stringify(patch) } });
}

/** `key=value` texts as an object: numbers and null as JSON writes them, all else as text. */
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
