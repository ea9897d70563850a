// GET /v1/nodes, POST /v1/nodes/{node}/revoke, drain, resume, recycle: the nodes of the mesh, and what an operator does to one.

import { z } from "zod";
import { HerdError } from "../../core/errors.js";
import type { Endpoint } from "../http/endpoint.js";
import type { Exchange } from "../http/exchange.js";
import type { Mesh, NodeEntry, NodeFigures } from "../ports.js";
import type { Where } from "../relay/relay.js";
import { knownNode, nameOf, type SelfState, stateOf } from "../views/mesh-names.js";
import { tellDurable } from "./durable.js";
import type { Storage } from "./node-state.js";

/** What the endpoints of nodes work with. */
export interface NodesOptions {
  readonly mesh: Mesh;
  readonly self: SelfState;
  readonly storage?: Storage | undefined;
}

const revokeBody = z.strictObject({ subtree: z.boolean().optional() }).optional();

/** Nodes: list, tree, revoke, drain, resume, recycle. `{node}` is a name or an id. */
export function nodesEndpoints(options: NodesOptions): Endpoint[] {
  const { mesh, self } = options;
  const { registry, drainable } = mesh;
  const named = (exchange: Exchange): NodeEntry => knownNode(exchange.parameter("node"), registry);
  const setDraining = (verb: "drain" | "resume" | "recycle"): Endpoint => ({
    method: "POST",
    path: `/v1/nodes/:node/${verb}`,
    role: "admin",
    byOwner: verb === "resume",
    at: (exchange) => ({ node: reachable(named(exchange), options).id }),
    async handle(exchange) {
      const { id, name } = named(exchange);
      await drainable.setDraining(verb !== "resume");
      if (verb === "recycle") mesh.recycle();
      exchange.answer(200, { name, id, state: stateOf(id, options) });
    },
  });
  return [
    {
      method: "GET",
      path: "/v1/nodes",
      role: "admin",
      handle(exchange) {
        const state = (id: string): string => stateOf(id, options);
        if (exchange.flag("tree") === true) exchange.answer(200, registry.tree(state) ?? null);
        else
          exchange.answer(
            200,
            sorted(registry.nodes(), self.id).map((node) => nodeView(node, exchange, options)),
          );
      },
    },
    {
      method: "POST",
      path: "/v1/nodes/:node/revoke",
      role: "admin",
      at: async (exchange) => revoker(named(exchange).id, await isSubtree(exchange), mesh),
      async handle(exchange) {
        const { id } = named(exchange);
        const by = `token ${exchange.claims?.id ?? ""}`;
        const revoked = await mesh.revoke(id, { subtree: await isSubtree(exchange), by });
        const durable = tellDurable(exchange, options.storage);
        const names = revoked.map((node) => nameOf(node, registry));
        exchange.answer(200, { revoked: names, ...(durable ? {} : { durable }) });
      },
    },
    setDraining("drain"),
    setDraining("resume"),
    setDraining("recycle"),
  ];
}

async function isSubtree(exchange: Exchange): Promise<boolean> {
  const body = revokeBody.safeParse(await exchange.json());
  if (!body.success) throw new HerdError("request.malformed", 'the body is empty or {"subtree": true or false}');
  return body.data?.subtree === true;
}

/** A master that stays: what a revoked one signs is worth nothing. Without another one, this node's master says why not. */
function revoker(id: string, subtree: boolean, { registry }: Mesh): Where {
  const except = subtree ? registry.subtree(id) : [id];
  const stays = ({ id, master, revoked }: NodeEntry): boolean => master && !revoked && !except.includes(id);
  return registry.nodes().some(stays) ? { masterExcept: except } : "master";
}

function reachable(node: NodeEntry, options: NodesOptions): NodeEntry {
  if (node.revoked) throw new HerdError("node.unknown", `the node ${node.name} was revoked`);
  const state = stateOf(node.id, options);
  if (state !== "dead" && state !== "left") return node;
  throw new HerdError("node.overloaded", `the node ${node.name} is not there: its state is ${state}`, {
    retryAfterSeconds: 5,
  });
}

/** This node first, then by name. */
function sorted(nodes: readonly NodeEntry[], self: string): NodeEntry[] {
  const rank = ({ id }: NodeEntry): number => (id === self ? 0 : 1);
  return [...nodes].sort((left, right) => rank(left) - rank(right) || left.name.localeCompare(right.name, "en"));
}

function nodeView(node: NodeEntry, exchange: Exchange, options: NodesOptions): Record<string, unknown> {
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
    url: isSelf ? exchange.incoming.baseUrl : (member?.url ?? null),
    address: member?.address ?? null,
    twins: mesh.twinsOf(id),
    container: (isSelf ? mesh.wall.missing.length === 0 : member?.contained) ?? null,
    ...figuresView(isSelf ? mesh.here() : mesh.figuresOf(id)),
  };
}

/** What a node that was heard of lately can do and what its owner leaves to calls. */
function figuresView(figures: NodeFigures | undefined): Record<string, unknown> {
  if (figures === undefined) return {};
  const { slots, running, queued, owner, capacity = null } = figures;
  return { slots, running, queued, owner, capacity };
}
