// The thesis: weighted random selection by the nodes' measured performance, biased towards the own node.

import { weighted } from "./draws.js";
import { eligible, type PlacementPolicy } from "./policy.js";

/** Weight of the own node relative to another one with the same performance. The thesis gives no number. */
const localBias = 2;

/**
 * The thesis's "weighted random selection algorithm that uses weights based on performance", where "the weighting is
 * biased for nodes to complete tasks themselves; and tasks are only forwarded once at most" (chapters 2 and 3). Weights
 * are speed times workers, and never change.
 */
export const staticWeights: PlacementPolicy = {
  name: "static weights (thesis)",
  start: (mesh) => ({
    balancer: (self) => {
      const weights = mesh.scenario.machines.map(
        ({ speed, workers }, node) => speed * workers * (node === self ? localBias : 1),
      );
      const draw = weighted(weights);
      const choose = (call: Parameters<typeof eligible>[1]["call"]): number => {
        for (let attempt = 0; attempt < 16; attempt++) {
          const node = draw(mesh.random);
          if (eligible(mesh, { call, node })) return node;
        }
        return self;
      };
      return { choose, again: choose };
    },
  }),
};
