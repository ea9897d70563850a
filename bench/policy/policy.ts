// A placement policy in the simulation: one balancer for each node, which sees no more than such a node would.

import type { SimCall, SimEnd } from "./sim-call.js";
import type { SimMesh } from "./sim-mesh.js";
import type { Report, SimNode } from "./sim-node.js";

/** How a call came back. */
export interface SimAnswer {
  readonly end: SimEnd;
  /** Milliseconds since the call was sent. */
  readonly tookMs: number;
  readonly runMs: number;
  /** The load of the answering node at its answer. */
  readonly report: Report;
}

/** Where a node's clients' calls go: the index of a node; its own index to run them here. */
export interface Balancer {
  choose(call: SimCall): number;
  /** Chooses after a refusal by the last of `call.tried`. */
  again(call: SimCall): number;
  /** How long the call may wait there; without this method, without limit. */
  queueTimeoutMs?(call: SimCall, node: number): number | undefined;
  /** Notes that the call goes there; also when that is here. */
  sent?(call: SimCall, node: number): void;
  answered?(call: SimCall, node: number, answer: SimAnswer): void;
}

/** A placement policy at work in one mesh. */
export interface PlacementAtWork {
  balancer(node: number): Balancer;
  /** Notes that a call began to run or to wait there, or that its owner changed the slots. */
  touched?(node: SimNode): void;
  allowed?(node: SimNode): void;
}

/** A placement policy: decides which node runs a call. Not to be confused with an owner's policy (src/owner). */
export interface PlacementPolicy {
  readonly name: string;
  start(mesh: SimMesh): PlacementAtWork;
}

/**
 * Nodes that may take the call by common knowledge: `home` always may. All placement policies except ours know this at
 * once.
 */
export function eligible(mesh: SimMesh, { call, node }: { call: SimCall; node: number }): boolean {
  const { slots, lightUnits } = mesh.nodes[node] as SimNode;
  if (call.tried.includes(node)) return false;
  return slots > 0 && call.function.meanUnits <= lightUnits;
}

/** Up to `count` different random nodes that may take the call; its own among them. */
export function sample(mesh: SimMesh, { call, count }: { call: SimCall; count: number }): number[] {
  const found: number[] = [];
  const { length } = mesh.nodes;
  for (let attempt = 0; attempt < 8 * count && found.length < count; attempt++) {
    const node = Math.floor(mesh.random() * length);
    if (!found.includes(node) && eligible(mesh, { call, node })) found.push(node);
  }
  return found;
}
