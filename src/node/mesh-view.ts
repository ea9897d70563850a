// The mesh as the HTTPS interface shows it.

import type { Membership } from "../mesh/membership/members.js";
import type { Links, Members } from "../mesh/ports.js";
import type { Governor } from "../owner/governor.js";
import { mastersView } from "../pki/registry/masters.js";
import type { Mesh } from "../server/ports.js";
import type { DuplicateProcesses } from "../trust/duplicate-processes.js";
import type { AppParts } from "./app-parts.js";
import type { NodeContext } from "./node-context.js";
import { announce } from "./owner-parts.js";
import type { TrustParts } from "./trust-parts.js";

/** What the view is put together from. */
export interface MeshViewParts {
  readonly trust: TrustParts;
  readonly links: Links;
  readonly members: Members & Pick<Membership, "setState">;
  readonly apps: Pick<AppParts, "forwarding">;
  readonly governor: Governor;
  readonly twins: Pick<DuplicateProcesses, "of">;
  readonly context: Pick<NodeContext, "wall" | "recycle">;
}

/** The view. */
export function meshView({ trust, links, members, apps, governor, twins, context }: MeshViewParts): Mesh {
  const { registry, revoker } = trust;
  const { statuses, load, stats, decisions } = apps.forwarding;
  return {
    registry,
    links,
    members,
    figuresOf: (id) => stats.of(id),
    here: () => stats.here(),
    holders: (revision) => statuses.holders(revision),
    choiceOf: (invocation) => decisions.find(invocation),
    twinsOf: (id) => twins.of(id),
    wall: context.wall,
    recycle: context.recycle,
    drainable: {
      get draining() {
        return load.drained;
      },
      get asleep() {
        return governor.current.state === "paused";
      },
      setDraining: async (on) => {
        load.setDraining(on);
        announce(members, { governor, apps });
        if (!on) await governor.resume();
      },
    },
    revoke: (id, options) => revoker.revoke(id, options),
    masters: () => mastersView(registry),
    crl: () => trust.crls.pem(),
    audit: trust.audit.view,
  };
}
