// The mesh as the HTTPS interface shows it.

import type { Links, Members } from "../mesh/seams.js";
import { mastersView } from "../pki/registry/masters.js";
import type { Mesh } from "../server/seams.js";
import type { AppParts } from "./app-parts.js";
import type { TrustParts } from "./trust-parts.js";

/** What the view is put together from. */
export interface MeshViewParts {
  readonly trust: TrustParts;
  readonly links: Links;
  readonly members: Members & { setState(state: "alive" | "draining"): void };
  readonly apps: Pick<AppParts, "forwarding">;
}

/** The view. */
export function meshView({ trust, links, members, apps }: MeshViewParts): Mesh {
  const { registry, revoker } = trust;
  const { statuses, load, decisions } = apps.forwarding;
  return {
    registry,
    links,
    members,
    loadOf: (id) => {
      const peer = statuses.get(id);
      return peer?.fresh === true ? { slots: peer.slots, running: peer.running, queued: peer.queued } : undefined;
    },
    holders: (revision) => statuses.holders(revision),
    choiceOf: (invocation) => decisions.find(invocation),
    drainable: {
      get draining() {
        return load.drained;
      },
      setDraining: (on) => {
        load.setDraining(on);
        members.setState(on ? "draining" : "alive");
      },
    },
    revoke: (id, options) => revoker.revoke(id, options),
    masters: () => mastersView(registry),
    crl: () => trust.crls.pem(),
    audit: trust.audit.view,
  };
}
