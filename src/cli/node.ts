// `herd node list | tree | revoke | drain | resume | recycle`.

import type { Client } from "../client/client.js";
import { connect, type GlobalOptions } from "../client/connection.js";
import { printable } from "../core/terminal-text.js";
import { notDurable, printJson, printLine, printNotice, printTable } from "./print.js";

interface NodeBody {
  readonly name: string;
  readonly id: string;
  readonly state: string;
  readonly master: boolean;
  readonly deploy: boolean;
  readonly revoked: boolean;
  readonly url: string | null;
  readonly parent: string | null;
  /** Whether a container stands around it; null when it did not say. */
  readonly container: boolean | null;
  /** Where its processes are, when two run with its identity. */
  readonly twins?: readonly string[];
}

/** A node in the body of `GET /v1/nodes?tree=true`, with those that it let in. */
export interface TreeBody {
  readonly name: string;
  readonly approvedBy: string;
  readonly at: string;
  readonly fingerprint: string;
  readonly state: string;
  readonly children: readonly TreeBody[];
}

/** Lists every node that was ever let in. */
export async function listNodes(options: GlobalOptions): Promise<void> {
  const nodes = await (await connect(options)).json<NodeBody[]>("/v1/nodes");
  for (const { name, twins = [] } of nodes) {
    if (twins.length > 0) printNotice(`two processes run as ${name}, at ${twins.join(" and ")}: stop one of them`);
  }
  if (options.json) printJson(nodes);
  else
    printTable([
      ["NAME", "STATE", "MASTER", "DEPLOYS", "CONTAINER", "LET IN BY", "URL", "ID"],
      ...nodes.map(({ name, state, revoked, id, url, parent, container, ...marks }) => [
        name,
        revoked ? "revoked" : state,
        marks.master ? "yes" : "-",
        marks.deploy ? "yes" : "-",
        container === null ? "?" : container ? "yes" : "no",
        parent ?? "-",
        url ?? "-",
        id,
      ]),
    ]);
}

/** Shows who let whom in. */
export async function showTree(options: GlobalOptions): Promise<void> {
  const tree = await (await connect(options)).json<TreeBody>("/v1/nodes?tree=true");
  if (options.json) printJson(tree);
  else for (const line of treeLines(tree)) printLine(line);
}

/** The tree as lines: name, state, who approved it and when, the start of its fingerprint. */
export function treeLines(tree: TreeBody): string[] {
  const lines: string[] = [];
  const add = (node: TreeBody, { head, tail }: { head: string; tail: string }): void => {
    const { name, state, approvedBy, at, fingerprint, children } = node;
    const how = approvedBy === "founder" ? "founded the mesh" : `let in by ${approvedBy}`;
    const text = `${name}  ${state}, ${how} at ${at}, fingerprint ${fingerprint.slice(0, 16)}`;
    lines.push(`${head}${printable(text)}`);
    for (const [index, child] of children.entries()) {
      const last = index === children.length - 1;
      add(child, { head: `${tail}${last ? "└─ " : "├─ "}`, tail: `${tail}${last ? "   " : "│  "}` });
    }
  };
  add(tree, { head: "", tail: "" });
  return lines;
}

/** Revokes a node, with `subtree` everyone that it let in. */
export async function revokeNode(node: string, options: GlobalOptions & { readonly subtree?: boolean }): Promise<void> {
  const body = { subtree: options.subtree === true };
  const answer = await post<{ readonly revoked: readonly string[]; readonly durable?: boolean }>(
    await connect(options),
    `${pathOf(node)}/revoke`,
    body,
  );
  if (options.json) printJson(answer);
  else if (answer.revoked.length === 0) printNotice(`${printable(node)} was revoked before`);
  else printNotice(`revoked ${answer.revoked.map(printable).join(", ")}${answer.durable === false ? notDurable : ""}`);
}

/** Has a node take no calls, take them again, or take none and end. */
export async function setDraining(
  { node, verb }: { readonly node: string; readonly verb: "drain" | "resume" | "recycle" },
  options: GlobalOptions,
): Promise<void> {
  const answer = await post<{ readonly name: string; readonly state: string }>(
    await connect(options, { asOwner: verb === "resume" }),
    `${pathOf(node)}/${verb}`,
    {},
  );
  if (options.json) printJson(answer);
  else
    printNotice(
      `${printable(answer.name)} is ${answer.state}${verb === "recycle" ? ", and ends when that is done" : ""}`,
    );
}

function post<Shape>(client: Client, path: string, body: unknown): Promise<Shape> {
  const headers = { "content-type": "application/json" };
  return client.json<Shape>(path, { method: "POST", headers, body: JSON.stringify(body) });
}

function pathOf(node: string): string {
  return `/v1/nodes/${encodeURIComponent(node)}`;
}
