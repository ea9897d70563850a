// A request that any master can answer: a node needs one of them, and not a certain one.

import { HerdError } from "../core/errors.js";
import type { Links } from "../mesh/ports.js";

/**
 * The answer of the first linked master that gives one. Throws at once a refusal whose fault is the caller's,
 * and `node.unavailable` without an answer.
 */
export async function requestFromMasters(
  links: Pick<Links, "all">,
  { kind, body, timeoutMs }: { readonly kind: string; readonly body: unknown; readonly timeoutMs: number },
): Promise<unknown> {
  let last: unknown;
  for (const link of links.all().filter(({ peer }) => peer.master)) {
    try {
      return await link.request(kind, body, { timeoutMs });
    } catch (error) {
      if (error instanceof HerdError && error.fault === "caller") throw error;
      last = error;
    }
  }
  throw new HerdError("node.unavailable", "no master is linked that answers", { cause: last, retryAfterSeconds: 5 });
}
