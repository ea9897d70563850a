// The policy without a mesh: every node for itself.

import type { PlacementPolicy } from "./policy.js";

/** Each call runs where its client sent it. */
export const localOnly: PlacementPolicy = {
  name: "local only",
  start: () => ({ balancer: (node) => ({ choose: () => node, again: () => node }) }),
};
