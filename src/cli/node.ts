// `herd node list | tree | revoke | drain | resume | recycle`.

import * as nodes from "../api/nodes.js";
import { narrowed } from "../api/route.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { printable } from "../core/terminal-text.js";
import { notDurable, printAnswer, printLine, printNotice, printTable } from "./print.js";

/** Lists every node that was ever let in. */
export async function listNodes(options: GlobalOptions): Promise<void> {
  const answer = await (await connect(options)).call(narrowed(nodes.listNodes, nodes.nodeList));
  for (const { name, twins } of answer.json) {
    if (twins.length > 0) printNotice(`two processes run as ${name}, at ${twins.join(" and ")}: stop one of them`);
  }
  if (options.json) printAnswer(answer);
  else
    printTable([
      ["NAME", "STATE", "MASTER", "DEPLOYS", "CONTAINER", "LET IN BY", "URL", "ID"],
      ...answer.json.map(({ name, state, revoked, id, url, parent, container, ...marks }) => [
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
  const answer = await (await connect(options)).call(narrowed(nodes.listNodes, nodes.nodeTree), {
    query: { tree: "true" },
  });
  if (options.json) printAnswer(answer);
  else if (answer.json === null) printNotice("no node is known yet");
  else for (const line of treeLines(answer.json)) printLine(line);
}

/** The tree as lines: name, state, who approved it and when, the start of its fingerprint. */
export function treeLines(tree: nodes.TreeNode): string[] {
  const lines: string[] = [];
  const add = (node: nodes.TreeNode, { head, tail }: { head: string; tail: string }): void => {
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
  const answer = await (await connect(options)).call(nodes.revokeNode, { parameters: { node }, body });
  const { revoked, durable = true } = answer.json;
  if (options.json) printAnswer(answer);
  else if (revoked.length === 0) printNotice(`${printable(node)} was revoked before`);
  else printNotice(`revoked ${revoked.map(printable).join(", ")}${durable ? "" : notDurable}`);
}

const drainingRoutes = { drain: nodes.drainNode, resume: nodes.resumeNode, recycle: nodes.recycleNode };

/** Drains a node, has it take calls again, or drains and ends it. */
export async function setDraining(
  { node, verb }: { readonly node: string; readonly verb: "drain" | "resume" | "recycle" },
  options: GlobalOptions,
): Promise<void> {
  const client = await connect(options, { asOwner: verb === "resume" });
  const answer = await client.call(drainingRoutes[verb], { parameters: { node } });
  const { name, state } = answer.json;
  if (options.json) printAnswer(answer);
  else printNotice(`${printable(name)} is ${state}${verb === "recycle" ? ", and ends when its calls have ended" : ""}`);
}
