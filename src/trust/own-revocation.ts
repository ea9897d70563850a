// A node whose mesh revoked it: logs that once, takes no more calls, sends no more requests, and does not start again.

import type { Logger } from "../core/log.js";
import type { Timers } from "../core/timers.js";
import type { Identity } from "../pki/identity/identity.js";
import { JoinRefused } from "../pki/join-refused.js";
import type { Registry } from "../pki/registry/registry.js";

/** What ends when a node learns that it was revoked. */
interface OwnRevocationOptions {
  readonly nodeId: string;
  readonly registry: Pick<Registry, "onRevoked">;
  readonly log: Logger;
  /** Stops all that needs the trust of the mesh. */
  readonly leave: () => Promise<void>;
}

/** Throws `join.refused` when this node was revoked: no peer would link to it. */
export function checkNotRevoked(
  { nodeId, nodeName, meshId }: Pick<Identity, "nodeId" | "nodeName" | "meshId">,
  { registry, state }: { readonly registry: Pick<Registry, "isRevoked">; readonly state: string },
): void {
  if (!registry.isRevoked(nodeId)) return;
  const detail =
    `${nodeName} was revoked from its mesh ${meshId}, and no revocation is undone: to join again as a new ` +
    `node, start with another --state than ${state}`;
  throw new JoinRefused(detail);
}

/** Leaves when this node's revocation arrives; returns the function that ends that. */
export function watchOwnRevocation({ nodeId, registry, log, leave }: OwnRevocationOptions): () => void {
  return registry.onRevoked((id) => {
    if (id !== nodeId) return;
    log.error("this node was revoked from its mesh: it takes no more calls, and its peers refuse it");
    leave().catch((cause: unknown) => log.error("a revoked node could not let go of its mesh", { cause }));
  });
}

/** How long a node whose link was cut waits for the reason, ms: its next dial receives the revocation proof. */
const waitMs = 10_000;

/** Whether this node is revoked, or its revocation arrives within ten seconds. */
export function receivesRevocation(
  nodeId: string,
  { registry, timers }: { readonly registry: Pick<Registry, "isRevoked" | "onRevoked">; readonly timers: Timers },
): Promise<boolean> {
  if (registry.isRevoked(nodeId)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const end = (revoked: boolean): void => {
      unwatch();
      cancel();
      resolve(revoked);
    };
    const unwatch = registry.onRevoked((id) => {
      if (id === nodeId) end(true);
    });
    const cancel = timers.after(waitMs, () => end(false));
  });
}
