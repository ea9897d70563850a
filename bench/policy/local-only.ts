// Every node for itself.

import type { Policy } from "./policy.js";

/** Each call runs where its client sent it. */
export const localOnly: Policy = {
  name: "local only",
  start: () => ({ balancer: (node) => ({ choose: () => node, again: () => node }) }),
};
