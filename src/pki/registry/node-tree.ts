// The nodes as a tree, each below the node that let it in: the founder at its root.

import type { NodeRecord } from "./node-record.js";

/**
 * A node, and those that it let in, in the order in which they came. `at` is RFC 3339, `parent` a name, null at the
 * root.
 */
export interface TreeNode {
  readonly name: string;
  readonly parent: string | null;
  /** `token ID`, `person ID` of the admin token, or `founder`. */
  readonly approvedBy: string;
  readonly at: string;
  readonly fingerprint: string;
  /** A member's state, or `revoked`. */
  readonly state: string;
  readonly children: readonly TreeNode[];
}

/**
 * The tree of some nodes, `undefined` when there are none. What hangs on nothing, or on itself, is shown below the
 * root.
 */
export function nodeTree(nodes: readonly NodeRecord[], stateOf: (id: string) => string): TreeNode | undefined {
  const ordered = [...nodes].sort(byArrival);
  const names = new Map(ordered.map(({ id, name }) => [id, name]));
  const root =
    ordered.find(({ parent, approvedBy }) => parent === undefined && approvedBy === "founder") ??
    ordered.find(({ parent }) => parent === undefined) ??
    ordered[0];
  if (root === undefined) return undefined;
  const children = new Map<string, TreeNode[]>();
  const describe = (node: NodeRecord, parent: string | undefined): TreeNode => {
    const below: TreeNode[] = [];
    children.set(node.id, below);
    return {
      name: node.name,
      parent: parent === undefined ? null : (names.get(parent) ?? parent),
      approvedBy: node.approvedBy,
      at: new Date(node.at).toISOString(),
      fingerprint: node.fingerprint,
      state: node.revoked ? "revoked" : stateOf(node.id),
      children: below,
    };
  };
  const tree = describe(root, undefined);
  const below = childrenOf(ordered);
  const grow = (from: string): void => {
    for (const parent of reached(below, from)) {
      for (const node of below.get(parent) ?? []) {
        if (!children.has(node.id)) children.get(parent)?.push(describe(node, parent));
      }
    }
  };
  grow(root.id);
  for (const node of ordered) {
    if (children.has(node.id)) continue;
    children.get(root.id)?.push(describe(node, node.parent));
    grow(node.id);
  }
  return tree;
}

/** Ids of a node and of all that it let in, directly or not, itself first. */
export function subtreeOf(nodes: readonly NodeRecord[], id: string): string[] {
  return [...reached(childrenOf(nodes), id)];
}

/**
 * Records are statements of masters: they may name a parent that is below its own child, so that no node may count
 * twice.
 */
function reached(below: ReadonlyMap<string, readonly NodeRecord[]>, from: string): Set<string> {
  const found = new Set([from]);
  // A set also visits what is added on the way.
  for (const parent of found) for (const { id } of below.get(parent) ?? []) found.add(id);
  return found;
}

function childrenOf(nodes: readonly NodeRecord[]): Map<string, NodeRecord[]> {
  const below = new Map<string, NodeRecord[]>();
  for (const node of nodes) {
    if (node.parent === undefined || node.parent === node.id) continue;
    const siblings = below.get(node.parent);
    if (siblings === undefined) below.set(node.parent, [node]);
    else siblings.push(node);
  }
  return below;
}

function byArrival(a: NodeRecord, b: NodeRecord): number {
  return a.at - b.at || (a.id < b.id ? -1 : 1);
}
