// What a placement policy is in the simulation: one balancer for each node, which sees no more than such a node would.

import type { SimCall, SimEnd } from "./sim-call.js";
import type { SimMesh } from "./sim-mesh.js";
import type { Report, SimNode } from "./sim-node.js";

/** How a call came back. */
export interface SimAnswer {
  readonly end: SimEnd;
  /** From when it was sent until now. */
  readonly tookMs: number;
  readonly runMs: number;
  /** The load of the answering node when it answered. */
  readonly report: Report;
}

/** Where a node's clients' calls go: an index of a node, its own to run them here. */
export interface Balancer {
  choose(call: SimCall): number;
  /** After a refusal by the last of `call.tried`. */
  again(call: SimCall): number;
  /** How long the call may wait there; without it, as long as it takes. */
  queueTimeoutMs?(call: SimCall, node: number): number | undefined;
  /** The call goes there; also when that is here. */
  sent?(call: SimCall, node: number): void;
  answered?(call: SimCall, node: number, answer: SimAnswer): void;
}

/** A placement policy at work in one mesh. */
export interface PlacementAtWork {
  balancer(node: number): Balancer;
  /** A call began to run or to wait there, or its owner changed what it may use. */
  touched?(node: SimNode): void;
  allowed?(node: SimNode): void;
}

/** A placement policy: decides which node runs a call. Not to be confused with an owner's policy (src/owner). */
export interface PlacementPolicy {
  readonly name: string;
  start(mesh: SimMesh): PlacementAtWork;
}

/** Those that may take the call as far as anybody would know: `home` always may. All placement policies but ours know at once. */
export function eligible(mesh: SimMesh, { call, node }: { call: SimCall; node: number }): boolean {
  const { slots, lightUnits } = mesh.nodes[node] as SimNode;
  if (call.tried.includes(node)) return false;
  return slots > 0 && call.function.meanUnits <= lightUnits;
}

/** Up to `count` different nodes that may take the call, by chance; its own among them. */
export function sample(mesh: SimMesh, { call, count }: { call: SimCall; count: number }): number[] {
  const found: number[] = [];
  const { length } = mesh.nodes;
  for (let attempt = 0; attempt < 8 * count && found.length < count; attempt++) {
    const node = Math.floor(mesh.random() * length);
    if (!found.includes(node) && eligible(mesh, { call, node })) found.push(node);
  }
  return found;
}
