// Names and states of nodes, for answers and messages.

import { HerdError } from "../../core/errors.js";
import type { Mesh, NodeEntry, NodeRegistry } from "../ports.js";

/** The node with a name or an id. Throws `node.unknown`. */
export function knownNode(nameOrId: string, registry: Pick<NodeRegistry, "node" | "byName">): NodeEntry {
  const node = registry.node(nameOrId) ?? registry.byName(nameOrId);
  if (node === undefined) throw new HerdError("node.unknown", `no node is called ${nameOrId.slice(0, 80)}`);
  return node;
}

/** The name of a node, or its id when no record of it is here. */
export function nameOf(id: string, registry: Pick<NodeRegistry, "node">): string {
  return registry.node(id)?.name ?? id;
}

/** The state of a node by id; a node that the membership does not list is dead. */
export function stateOf(
  id: string,
  { mesh, self }: { readonly mesh: Pick<Mesh, "members" | "drainable">; readonly self: SelfState },
): string {
  const { draining, asleep } = mesh.drainable;
  if (id === self.id) return self.leaving() || draining ? "draining" : asleep ? "asleep" : "alive";
  return mesh.members.get(id)?.state ?? "dead";
}

/** This node: its id, and whether it is about to end. */
export interface SelfState {
  readonly id: string;
  readonly leaving: () => boolean;
}
