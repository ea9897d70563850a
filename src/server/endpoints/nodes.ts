// GET /v1/nodes, POST /v1/nodes/{node}/revoke, drain, resume, recycle: lists the nodes of the mesh, and changes one.

import * as api from "../../api/nodes.js";
import type { DoorKind } from "../../core/door-kind.js";
import { HerdError } from "../../core/errors.js";
import type { NodeStats } from "../../invoke/peers/stats.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import type { HttpRequest } from "../http/http-request.js";
import type { Where } from "../http/place.js";
import type { Mesh, NodeEntry } from "../ports.js";
import { knownNode, nameOf, type SelfState, stateOf } from "../views/mesh-names.js";
import { durability, type Storage } from "./durable.js";

/** Dependencies of the endpoints of nodes. */
export interface NodesOptions {
  readonly mesh: Mesh;
  readonly self: SelfState & { readonly door: DoorKind };
  readonly storage?: Storage | undefined;
}

/** Nodes: list, tree, revoke, drain, resume, recycle. `{node}` is a name or an id. */
export function nodesEndpoints(options: NodesOptions): Endpoint[] {
  const { mesh, self, storage } = options;
  const { registry, drainable } = mesh;
  const draining = (route: typeof api.drainNode | typeof api.resumeNode, act: () => Promise<void> | void): Endpoint =>
    endpoint(route, {
      where: ({ parameters }) => ({ node: reachable(knownNode(parameters.node, registry), options).id }),
      async handle({ parameters }) {
        const { id, name } = knownNode(parameters.node, registry);
        await act();
        return ok({ name, id, state: stateOf(id, options) });
      },
    });
  return [
    endpoint(api.listNodes, {
      handle({ query, http }) {
        if (query.tree === true) return ok(registry.tree((id) => stateOf(id, options)) ?? null);
        return ok(sorted(registry.nodes(), self.id).map((node) => nodeView(node, http, options)));
      },
    }),
    endpoint(api.revokeNode, {
      where: ({ parameters, body }) => revoker(knownNode(parameters.node, registry).id, body?.subtree === true, mesh),
      async handle({ parameters, body, by }) {
        const { id } = knownNode(parameters.node, registry);
        const revoked = await mesh.revoke(id, { subtree: body?.subtree === true, by: `token ${by}` });
        const { headers, field } = durability(storage);
        return ok({ revoked: revoked.map((node) => nameOf(node, registry)), ...field }, headers);
      },
    }),
    draining(api.drainNode, () => drainable.setDraining(true)),
    draining(api.resumeNode, () => drainable.setDraining(false)),
    draining(api.recycleNode, async () => {
      await drainable.setDraining(true);
      mesh.recycle();
    }),
  ];
}

/**
 * The place that revokes: a master that stays, since the signature of a revoked master does not count. Without
 * another master, any master refuses the request, with the reason.
 */
function revoker(id: string, subtree: boolean, { registry }: Mesh): Where {
  const except = subtree ? registry.subtree(id) : [id];
  const stays = ({ id, master, revoked }: NodeEntry): boolean => master && !revoked && !except.includes(id);
  return registry.nodes().some(stays) ? { masterExcept: except } : "master";
}

function reachable(node: NodeEntry, options: NodesOptions): NodeEntry {
  if (node.revoked) throw new HerdError("node.unknown", `the node ${node.name} was revoked`);
  const state = stateOf(node.id, options);
  if (state !== "dead" && state !== "left") return node;
  throw new HerdError("node.unavailable", `the node ${node.name} is not there: its state is ${state}`, {
    retryAfterSeconds: 5,
  });
}

/** This node first, then by name. */
function sorted(nodes: readonly NodeEntry[], self: string): NodeEntry[] {
  const rank = ({ id }: NodeEntry): number => (id === self ? 0 : 1);
  return [...nodes].sort((left, right) => rank(left) - rank(right) || left.name.localeCompare(right.name, "en"));
}

function nodeView(node: NodeEntry, { baseUrl }: Pick<HttpRequest, "baseUrl">, options: NodesOptions): api.ListedNode {
  const { mesh, self } = options;
  const { id, name, fingerprint, master, deploy, revoked, parent, approvedBy } = node;
  const member = mesh.members.get(id);
  const isSelf = id === self.id;
  return {
    name,
    id,
    state: stateOf(id, options),
    master,
    revoked,
    deploy,
    fingerprint,
    parent: parent === undefined ? null : nameOf(parent, mesh.registry),
    approvedBy,
    at: new Date(node.at).toISOString(),
    url: isSelf ? baseUrl : (member?.url ?? null),
    address: member?.address ?? null,
    twins: [...mesh.processesOf(id)],
    door: (isSelf ? self.door : member?.door) ?? null,
    container: (isSelf ? mesh.wall.missing.length === 0 : member?.contained) ?? null,
    ...statsView(isSelf ? mesh.here() : mesh.statsOf(id)),
  };
}

/** The live state of a node: load, capacity, and the state that its owner's policy leaves to calls. */
function statsView(stats: NodeStats | undefined) {
  if (stats === undefined) return {};
  const { slots, running, queued, owner, capacity = null } = stats;
  return { slots, running, queued, owner, capacity };
}
