// A lower bound: a policy with complete and immediate knowledge.

import { type Balancer, eligible, type PlacementAtWork, type PlacementPolicy } from "./policy.js";
import type { SimCall } from "./sim-call.js";
import type { SimMesh } from "./sim-mesh.js";
import type { SimNode } from "./sim-node.js";

/** When the workers of a node will be free, counting all calls that were sent to it. */
class Timeline {
  readonly #mesh: SimMesh;
  readonly #node: SimNode;
  #freeMs: number[] = [];
  /** The worker that is free first. */
  #first = 0;

  constructor(mesh: SimMesh, node: SimNode) {
    this.#mesh = mesh;
    this.#node = node;
    this.rebuild();
  }

  /** When a call that arrives then would end. */
  endMs(call: SimCall, arriveMs: number): number {
    return Math.max(arriveMs, this.#freeMs[this.#first] ?? 0) + this.#runMs(call);
  }

  /** Adds a call that is sent there. */
  add(call: SimCall, arriveMs: number): void {
    this.#freeMs[this.#first] = this.endMs(call, arriveMs);
    this.#find();
  }

  /** Starts anew from the calls that run and wait, after the owner changed the slots. */
  rebuild(): void {
    const { now } = this.#mesh;
    this.#freeMs = Array.from({ length: Math.max(1, this.#node.slots) }, () => now);
    this.#first = 0;
    let running = this.#node.running;
    for (const call of this.#node.calls()) {
      const ranMs = running-- > 0 ? now - call.startedMs : 0;
      this.#freeMs[this.#first] = (this.#freeMs[this.#first] ?? now) + Math.max(0, this.#runMs(call) - ranMs);
      this.#find();
    }
  }

  #find(): void {
    let first = 0;
    for (let index = 1; index < this.#freeMs.length; index++) {
      if ((this.#freeMs[index] ?? 0) < (this.#freeMs[first] ?? 0)) first = index;
    }
    this.#first = first;
  }

  #runMs({ units }: SimCall): number {
    return units / (this.#node.machine.speed * this.#node.pace);
  }
}

/**
 * Knows each call's work, all running and waiting calls, and which nodes fail, without messages and without delay.
 * Sends each call where it ends first, including the way there and back. Only the owners' future behaviour is hidden
 * from it.
 */
export const clairvoyant: PlacementPolicy = {
  name: "clairvoyant (bound)",
  start: (mesh): PlacementAtWork => {
    let timelines: readonly Timeline[] | undefined;
    const balancer = (self: number): Balancer => {
      const choose = (call: SimCall): number => {
        timelines ??= mesh.nodes.map((node) => new Timeline(mesh, node));
        let best = self;
        let soonest = Number.POSITIVE_INFINITY;
        for (let node = 0; node < timelines.length; node++) {
          const timeline = timelines[node] as Timeline;
          if (!eligible(mesh, { call, node }) || mesh.nodes[node]?.failing) continue;
          const oneWayMs = mesh.rttMs(self, node) / 2;
          const endMs = timeline.endMs(call, mesh.now + oneWayMs) + oneWayMs;
          if (endMs < soonest) [best, soonest] = [node, endMs];
        }
        timelines[best]?.add(call, mesh.now + mesh.rttMs(self, best) / 2);
        return best;
      };
      return { choose, again: choose };
    };
    return { balancer, allowed: ({ id }) => timelines?.[id]?.rebuild() };
  },
};
